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
from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.ledger import Ledger, open_ledger
from pulse_blocks.ledger.sqlite import BUSY_SECONDS, connect, path_of
from pulse_blocks.ledger.turns import Turns
from pulse_blocks.serving import journal
from pulse_blocks.serving.failures import NotNowError, TooLateError
from pulse_blocks.serving.jobs import Job
from pulse_blocks.serving.model import QUICK_NS, Model
from pulse_blocks.settings import Workspace
from tests.running_engine import Running, job
from tests.served_models import protocol, train
from tests.waiting import until

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


def test_a_commit_that_fails_slowly_is_waited_for_once(
    model: Model, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the journal meets it, until its circuit opens; the event loop has learned from the first."""
    where: list[str] = []

    def insert(rows: object) -> None:
        where.append(threading.current_thread().name)
        raise UnavailableError("ledger.unavailable", f"No room for {rows}.")

    async def run() -> None:
        async with Running(ledger) as running:
            monkeypatch.setattr(ledger._database, "_insert", insert)
            for seed in range(4):
                with pytest.raises(NotNowError):
                    await answered(running, job(model, seed=seed))

    asyncio.run(run())
    assert where == [HERE, *["pulse-journal"] * 3]


def test_the_event_loop_learns_from_commits_of_the_threads(
    model: Model, ledger: Ledger, threads: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that took long there is one that it need not wait for itself."""
    monkeypatch.setattr(journal, "SLOW_SECONDS", 0.0)

    async def run() -> None:
        async with Running(ledger) as running:
            for seed in range(3):
                await answered(running, job(model, 100, seed=seed))
                await answered(running, job(model, seed=seed + 10))

    asyncio.run(run())
    assert HERE not in [where for what, where in threads if what == "written"]


def test_a_wal_that_cannot_be_moved_is_left_to_the_threads(
    workspace: Workspace, model: Model, ledger: Ledger
) -> None:
    """While somebody reads an old state it grows, and whoever commits after that may have all of it to move."""
    database = ledger._database
    reader = connect(path_of(workspace.ledger))
    text = f'{{"a":"{"x" * 1000}"}}'
    rows = [(f"inference_{at:05}", at, None, None, "m", text, "{}", b"", b"", 1, 0) for at in range(20_000)]
    reader.execute("begin")
    reader.execute("select count(*) from inferences").fetchone()
    for start in range(0, 10_000, 500):
        ledger.append(rows[start : start + 500])
    assert until(lambda: not database.append_at_once([]), 10)  # type: ignore[arg-type]
    reader.close()
    for start in range(10_000, 20_000, 500):
        ledger.append(rows[start : start + 500])
    assert until(lambda: database.append_at_once([]), 10)
    assert ledger.inference_counts(["m"]) == {"m": 20_000}
    assert model


def test_the_trial_of_a_model_that_failed_is_the_workers(
    model: Model, ledger: Ledger, threads: list[tuple[str, str]]
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
    assert [where for what, where in threads if what == "computed"] == [HERE, "pulse-worker", HERE]


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


def test_a_reply_after_its_time_is_none(
    model: Model, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the disk has kept the event loop beyond it; the row is there, and says nothing wrong."""
    database = ledger._database
    real = database.append_at_once

    def slowly(rows: Any) -> bool:
        time.sleep(0.3)
        return real(rows)

    async def run() -> None:
        async with Running(ledger) as running:
            monkeypatch.setattr(database, "append_at_once", slowly)
            with pytest.raises(TooLateError):
                await answered(running, job(model, seed=1, seconds=0.2))

    asyncio.run(run())
    assert ledger.inference_counts([model.id]) == {model.id: 1}
