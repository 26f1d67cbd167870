"""Rows are committed on the event loop where that takes no waiting, and by the threads where it does."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pulse_blocks.errors import UnavailableError
from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.sqlite import BUSY_SECONDS, connect, path_of
from pulse_blocks.ledger.turns import Turns
from pulse_blocks.serving import journal
from pulse_blocks.serving.failures import NotNowError, TooLateError
from pulse_blocks.serving.model import Model
from pulse_blocks.settings import Workspace
from tests.running_engine import Running, answered, job
from tests.waiting import until

from .conftest import Threads

HERE = threading.main_thread().name


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
    model: Model, ledger: Ledger, threads: Threads, monkeypatch: pytest.MonkeyPatch
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
    assert [where == HERE for where in threads.written] == [True, False, False, False, True]


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
    model: Model, ledger: Ledger, threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that took long there is one that it need not wait for itself."""
    monkeypatch.setattr(journal, "SLOW_SECONDS", 0.0)

    async def run() -> None:
        async with Running(ledger) as running:
            for seed in range(3):
                await answered(running, job(model, 100, seed=seed))
                await answered(running, job(model, seed=seed + 10))

    asyncio.run(run())
    assert HERE not in threads.written


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
