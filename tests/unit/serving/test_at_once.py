"""Small requests of quick models are answered on the event loop; nothing else may keep it."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pulse_blocks.boosters.trees import are_finite
from pulse_blocks.ledger import Ledger, open_ledger
from pulse_blocks.ledger.sqlite import BUSY_SECONDS, connect, path_of
from pulse_blocks.ledger.turns import Turns
from pulse_blocks.serving import journal
from pulse_blocks.serving.jobs import Job
from pulse_blocks.serving.model import QUICK_NS, Model
from pulse_blocks.settings import Workspace
from tests.running_engine import Running, job
from tests.served_models import protocol, train

from .conftest import load


@pytest.fixture
def ledger(workspace: Workspace, model: Model) -> Iterator[Ledger]:
    """The ledger in which the model was promoted."""
    with open_ledger(workspace.ledger) as opened:
        yield opened


@pytest.fixture
def threads(model: Model, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What was done where: ``computed`` or ``written``, and the thread's name."""
    done: list[tuple[str, str]] = []

    def noting(what: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            done.append((what, threading.current_thread().name))
            return real(*args)

        return call

    monkeypatch.setattr(model, "outputs", noting("computed", model.outputs))
    for name in ("append", "append_at_once"):
        monkeypatch.setattr(ledger._database, name, noting("written", getattr(ledger._database, name)))
    return done


async def answered(running: Running, *jobs: Job) -> None:
    """Have jobs of one turn answered."""
    await asyncio.gather(*[running.batcher.submit(each) for each in jobs])


HERE = threading.main_thread().name


def test_a_quick_model_is_asked_where_requests_are_read(
    model: Model, ledger: Ledger, threads: list[tuple[str, str]]
) -> None:
    """One call, one commit, and nobody changes threads."""

    async def run() -> None:
        async with Running(ledger) as running:
            await answered(running, *[job(model, seed=seed) for seed in range(40)])

    asyncio.run(run())
    assert threads == [("computed", HERE), ("written", HERE)]
    assert ledger.inference_counts([model.id]) == {model.id: 40}


def test_large_requests_are_the_workers(model: Model, ledger: Ledger, threads: list[tuple[str, str]]) -> None:
    """And while it has one, small ones go there too, so that a model computes in one place at a time."""

    async def run() -> None:
        async with Running(ledger) as running:
            await answered(running, job(model, seed=1))
            threads.clear()
            large = running.batcher.submit(job(model, 1000))
            await asyncio.sleep(0)
            await asyncio.gather(large, running.batcher.submit(job(model, seed=2)))

    asyncio.run(run())
    assert {where for what, where in threads if what == "computed"} == {"pulse-worker"}


def test_a_slow_model_is_the_workers(model: Model, ledger: Ledger, threads: list[tuple[str, str]]) -> None:
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
    wheres = [where for what, where in threads if what == "computed"]
    assert (wheres[0], wheres[19], wheres[-1]) == (HERE, "pulse-worker", HERE)


def test_trees_that_lead_in_circles_are_told_from_others(workspace: Workspace) -> None:
    """What LightGBM writes ends; a node that leads to itself or back, or to no number, may not."""
    text = train(protocol()).model_to_string().encode()
    assert are_finite(text)
    assert are_finite(load(workspace, protocol("days", "multiclass-classification")).text)
    for child in (b"0", b"1", b"1e3"):
        circle = re.sub(rb"^(left_child=\S+) \S+", rb"\1 " + child, text, count=1, flags=re.MULTILINE)
        assert circle != text
        assert not are_finite(circle)


def test_such_trees_are_never_walked_on_the_event_loop(
    model: Model, ledger: Ledger, threads: list[tuple[str, str]]
) -> None:
    """However quick the model was so far: the worker can be left alone, the event loop cannot."""
    model._is_finite = False

    async def run() -> None:
        async with Running(ledger) as running:
            for seed in range(5):
                await answered(running, job(model, seed=seed))

    asyncio.run(run())
    assert {where for what, where in threads if what == "computed"} == {"pulse-worker"}


@contextlib.contextmanager
def writing(path: Path, who: str) -> Iterator[None]:
    """Somebody else who has the file for as long as the block takes."""
    if who == "Pulse":
        turns = Turns(path, 5.0)
        with turns.taken():
            yield
        turns.close()
    else:
        connection = connect(path)
        connection.execute("begin immediate")
        yield
        connection.close()


@pytest.mark.parametrize("who", ["Pulse", "SQLite"])
def test_the_event_loop_waits_for_no_other_writer(
    workspace: Workspace, model: Model, ledger: Ledger, who: str
) -> None:
    """While somebody else writes it goes on; the reply comes when that is over."""

    async def run() -> float:
        async with Running(ledger) as running:
            await answered(running, job(model, seed=1))
            with writing(path_of(workspace.ledger), who):
                waiting = running.batcher.submit(job(model, seed=2))
                started = time.monotonic()
                for _ in range(20):
                    await asyncio.sleep(0.01)
                took = time.monotonic() - started
                assert not waiting.done()
            await waiting
            return took

    assert asyncio.run(run()) < BUSY_SECONDS / 2
    assert ledger.inference_counts([model.id]) == {model.id: 2}


def test_a_slow_disk_is_the_journals(
    model: Model, ledger: Ledger, threads: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a commit that took long the event loop waits for none, until it is time to try again."""
    monkeypatch.setattr(journal, "SLOW_SECONDS", 0.0)

    async def run() -> None:
        async with Running(ledger) as running:
            for seed in range(1, 5):
                await answered(running, job(model, seed=seed))
            monkeypatch.setattr(journal, "SLOW_SECONDS", 60.0)
            await asyncio.sleep(journal.PATIENT_SECONDS)
            await answered(running, job(model, seed=5))

    asyncio.run(run())
    written = [where for what, where in threads if what == "written"]
    assert [where == HERE for where in written] == [True, False, False, False, True]


def test_what_fails_at_once_is_told_by_the_thread(model: Model, ledger: Ledger) -> None:
    """A full disk is met again there: the request fails as it does without this way, and so does the circuit."""
    connection = ledger._database._writer  # type: ignore[attr-defined]

    async def run() -> tuple[Any, Running]:
        async with Running(ledger) as running:
            await answered(running, job(model, seed=1))
            pages = connection.execute("pragma page_count").fetchone()[0]
            connection.execute(f"pragma max_page_count = {pages}")
            failed = await asyncio.gather(
                *[running.batcher.submit(job(model, seed=seed)) for seed in range(2, 60)],
                return_exceptions=True,
            )
            connection.execute("pragma max_page_count = 1000000")
            await asyncio.sleep(journal.RESET_SECONDS)
            await answered(running, job(model, seed=60))
            return failed, running

    failed, running = asyncio.run(run())
    assert {getattr(error, "code", None) for error in failed} == {"ledger.unavailable"}
    assert running.metrics.commit_failures == 1
    assert ledger.inference_counts([model.id]) == {model.id: 2}
