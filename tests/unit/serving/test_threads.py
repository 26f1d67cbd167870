"""Threads beside the requests: they outlive what fails once, the metrics tell, and they keep no model that is gone."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref
from collections.abc import AsyncIterator
from typing import Any

from pulse_blocks.bundle.signing import signing_key
from pulse_blocks.ledger import Ledger, open_ledger
from pulse_blocks.ledger.rows import Promotion
from pulse_blocks.serving.alarms import Alarms
from pulse_blocks.serving.background import Background
from pulse_blocks.serving.champions import Slot, Watcher
from pulse_blocks.serving.keyring import Keyring
from pulse_blocks.serving.metrics import Metrics
from pulse_blocks.serving.model import Model
from pulse_blocks.settings import Workspace
from pulse_blocks.stores import Store, open_store
from tests.running_engine import Running, job
from tests.served_models import protocol, train_and_promote
from tests.waiting import until


class Exhausted:
    """A ledger or a store whose next ``times`` calls find no memory."""

    def __init__(self, real: Any, times: int) -> None:
        self._real = real
        self.times = times

    def __getattr__(self, name: str) -> Any:
        if self.times:
            self.times -= 1
            raise MemoryError
        return getattr(self._real, name)


@contextlib.asynccontextmanager
async def watched(workspace: Workspace, ledger: Ledger, store: Any) -> AsyncIterator[tuple[Slot, Running]]:
    """A slot whose model its threads replace, and the engine that answers with it."""
    key, promotion = signing_key(workspace), ledger.champion("parcels")
    assert promotion
    async with Running(ledger) as running:
        model = Model.load(open_store(workspace.store), promotion, key)
        slot = Slot("parcels", model, promotion.seq, running.batcher)
        watcher = Watcher(ledger, store, key, {"parcels": slot}, running.metrics, Alarms())
        background = Background(ledger, store, key, {"parcels": slot}, running.metrics)
        running.engine.answered = background.tripwire.see
        del model
        try:
            yield slot, running
        finally:
            watcher.close()
            background.close()


async def swapped(slot: Slot, promotion: Promotion, seconds: float) -> bool:
    return await asyncio.to_thread(until, lambda: slot.model.id == promotion.model, seconds)


def test_a_second_model_that_finds_no_memory_leaves_the_old_one(workspace: Workspace) -> None:
    """It is told as every promotion that cannot be used, tried again, and the next one goes live."""
    train_and_promote(workspace, seed=1)
    store = Exhausted(open_store(workspace.store), 0)

    async def run(ledger: Ledger) -> None:
        async with watched(workspace, ledger, store) as (slot, running):
            store.times = 1
            train_and_promote(workspace, seed=2)
            failures = running.metrics.swap_failures
            assert await asyncio.to_thread(until, lambda: failures["parcels"] == 1, 5)
            third = train_and_promote(workspace, seed=3)
            assert await swapped(slot, third, 5)

    with open_ledger(workspace.ledger) as ledger:
        asyncio.run(run(ledger))


def test_threads_outlive_what_nobody_expects(workspace: Workspace) -> None:
    """Champions and keys are looked for again, and the failures are counted by thread."""
    train_and_promote(workspace, seed=1)
    metrics = Metrics()

    async def run(ledger: Ledger, failing: Exhausted) -> None:
        async with watched(workspace, failing, open_store(workspace.store)) as (slot, running):  # type: ignore[arg-type]
            failures = running.metrics.thread_failures
            failing.times = 1
            assert await asyncio.to_thread(until, lambda: sum(failures.values()) == 1, 5)
            assert await swapped(slot, train_and_promote(workspace, seed=2), 5)
        keyring = Keyring(failing, metrics)  # type: ignore[arg-type]
        failing.times = 1
        assert await asyncio.to_thread(until, lambda: metrics.thread_failures["keys"] == 1, 5)
        _, token = ledger.create_key(name="mine", scopes=["predict"], who="tests")
        allowed = lambda: keyring.check(token.encode(), "predict") == "allowed"  # noqa: E731
        assert await asyncio.to_thread(until, allowed, 5)
        keyring.close()

    with open_ledger(workspace.ledger) as ledger:
        asyncio.run(run(ledger, Exhausted(ledger, 0)))


def test_an_old_model_leaves_no_memory_behind(workspace: Workspace) -> None:
    """After each of some swaps nothing holds the model before, its cache and its trees, though it has answered."""
    train_and_promote(workspace, protocol(), seed=1)

    async def run(ledger: Ledger, store: Store) -> list[weakref.ref[Model]]:
        gone: list[weakref.ref[Model]] = []
        async with watched(workspace, ledger, store) as (slot, running):
            for seed in range(2, 6):
                gone.append(weakref.ref(slot.model))
                await running.batcher.submit(job(slot.model, 3))
                assert await swapped(slot, train_and_promote(workspace, protocol(), seed=seed), 5)
            # Whatever had the last batch has one of the new model now.
            await running.batcher.submit(job(slot.model, 3))
            await asyncio.to_thread(until, lambda: not any(held(gone)), 5, 0.1)
            return held(gone)

    def held(models: list[weakref.ref[Model]]) -> list[weakref.ref[Model]]:
        gc.collect()
        return [model for model in models if model()]

    with open_ledger(workspace.ledger) as ledger:
        assert not asyncio.run(run(ledger, open_store(workspace.store)))
