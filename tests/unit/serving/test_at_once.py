"""Small requests of quick models are computed on the event loop; nothing else may keep it."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from typing import Any

from pulse_blocks.boosters.trees import are_finite
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import Ledger
from pulse_blocks.serving.failures import NotNowError
from pulse_blocks.serving.model import QUICK_NS, Model
from pulse_blocks.settings import Workspace
from tests.running_engine import Running, answered, job
from tests.served_models import protocol, train

from .conftest import Threads, load

HERE = threading.main_thread().name


def test_a_quick_model_is_asked_where_requests_are_read(
    model: Model, ledger: Ledger, threads: Threads
) -> None:
    """One call, one commit, and nobody changes threads."""

    async def run() -> None:
        async with Running(ledger) as running:
            await answered(running, *[job(model, seed=seed) for seed in range(40)])

    asyncio.run(run())
    assert threads == ([HERE], [HERE])
    assert ledger.inference_counts([model.id]) == {model.id: 40}


def test_large_requests_are_the_workers(model: Model, ledger: Ledger, threads: Threads) -> None:
    """And while it has one, small ones go there too, so that a model computes in one place at a time."""

    async def run() -> None:
        async with Running(ledger) as running:
            await answered(running, job(model, seed=1))
            threads.computed.clear()
            large = running.batcher.submit(job(model, 1000))
            await asyncio.sleep(0)
            await asyncio.gather(large, running.batcher.submit(job(model, seed=2)))

    asyncio.run(run())
    assert set(threads.computed) == {"pulse-worker"}


def test_a_slow_model_is_the_workers(model: Model, ledger: Ledger, threads: Threads) -> None:
    """One whose batches take longer than the event loop may wait: it is found out, and comes back once it is quick."""
    computed = model.outputs

    def slowly(records: Any) -> Any:
        time.sleep(QUICK_NS / 1e9)
        return computed(records)

    async def run() -> None:
        async with Running(ledger) as running:
            for seed in range(20):
                await answered(running, job(model, seed=seed))
            model.outputs = computed  # type: ignore[method-assign]
            for seed in range(20, 60):
                await answered(running, job(model, seed=seed))

    model.outputs = slowly  # type: ignore[method-assign]
    asyncio.run(run())
    assert (threads.computed[0], threads.computed[19], threads.computed[-1]) == (HERE, "pulse-worker", HERE)


def test_trees_that_lead_in_circles_are_told_from_others(workspace: Workspace) -> None:
    """What LightGBM writes ends. A node that leads to itself or back, or in ways that only LightGBM reads, may not."""
    text = train(protocol()).model_to_string().encode()
    assert are_finite(text)
    assert are_finite(load(workspace, protocol("days", "multiclass-classification")).text)
    for child in (b"0", b"1", b"1e3", b"0_1", b"4294967296", b"-4294967296", b"9.0"):
        circle = re.sub(rb"^(left_child=\S+) \S+", rb"\1 " + child, text, count=1, flags=re.MULTILINE)
        assert circle != text
        assert not are_finite(circle)
    for odd in (
        text.replace(b"\n", b"\r"),
        text.replace(b"\nleft_child", b"\rleft_child"),
        b"tree\nend of trees\n",
    ):
        assert not are_finite(odd)


def test_such_trees_are_never_walked_on_the_event_loop(
    model: Model, ledger: Ledger, threads: Threads
) -> None:
    """However quick the model was so far: the worker can be left alone, the event loop cannot."""
    model._is_finite = False

    async def run() -> None:
        async with Running(ledger) as running:
            for seed in range(5):
                await answered(running, job(model, seed=seed))

    asyncio.run(run())
    assert set(threads.computed) == {"pulse-worker"}


def test_the_trial_of_a_model_that_failed_is_the_workers(
    model: Model, ledger: Ledger, threads: Threads
) -> None:
    """It may hang again, or hold what the next call needs: nobody can leave the event loop alone."""
    model.circuit.reset = 0.1

    async def run() -> None:
        async with Running(ledger) as running:
            await answered(running, job(model, seed=1))
            model.circuit.trip("model.hangs")
            await asyncio.sleep(0.2)
            await answered(running, job(model, seed=2))
            await answered(running, job(model, seed=3))

    asyncio.run(run())
    assert threads.computed == [HERE, "pulse-worker", HERE]


def test_a_model_that_fails_slowly_is_the_workers(model: Model, ledger: Ledger) -> None:
    """Calls that fail take their time too: the rest of the batch is tried one by one, but not here."""
    where: list[str] = []

    def outputs(_: object) -> list[bytes]:
        where.append(threading.current_thread().name)
        time.sleep(0.1)
        raise PulseError("model.output", "That is no number.")

    async def run() -> list[object]:
        async with Running(ledger) as running:
            model.outputs = outputs  # type: ignore[method-assign]
            jobs = [running.batcher.submit(job(model, seed=seed)) for seed in range(5)]
            return await asyncio.gather(*jobs, return_exceptions=True)

    assert all(isinstance(error, NotNowError) for error in asyncio.run(run()))
    assert where[0] == HERE
    assert HERE not in where[1:]


class Broken:
    """Somebody to whom nothing can be told."""

    def done(self) -> bool:
        """Not yet."""
        return False

    def set_result(self, _: None) -> None:
        """Fail."""
        raise OSError("the connection is gone")

    set_exception = set_result


def test_an_answer_that_cannot_be_sent_is_nobody_elses_fault(model: Model, ledger: Ledger) -> None:
    """Whoever else was in its batch or behind it is answered, and nothing of it is left."""
    model.max_rows = 4

    async def run() -> None:
        async with Running(ledger) as running:
            running.batcher.queue(job(model, seed=40), Broken())  # type: ignore[arg-type]
            await answered(running, *[job(model, seed=seed) for seed in range(20)])
            assert (running.batcher.waiting, running.engine.rows, running.engine.drain.waiting) == (0, 0, 0)

    asyncio.run(run())
    assert ledger.inference_counts([model.id]) == {model.id: 21}


def test_very_many_requests_of_one_turn_leave_room_for_others(model: Model, ledger: Ledger) -> None:
    """After some milliseconds the event loop looks at what else there is, and comes back."""

    async def run() -> int:
        async with Running(ledger) as running:
            every = asyncio.gather(
                *[running.batcher.submit(job(model, 16, seed=seed)) for seed in range(300)]
            )
            turns = 0
            while not every.done():
                await asyncio.sleep(0)
                turns += 1
            await every
            return turns

    assert asyncio.run(run()) > 5
    assert ledger.inference_counts([model.id]) == {model.id: 4800}
