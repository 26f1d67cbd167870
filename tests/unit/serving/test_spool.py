"""Rows that wait on disk while the ledger is out of reach: none is lost, none is there twice, all in order."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import time
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import httpx
import pytest

from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.ids import new_inference_id
from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.base import InferenceTuple
from pulse_blocks.serving.model import Model
from pulse_blocks.serving.spool import Spool
from pulse_blocks.serving.spool_file import SpoolFile
from pulse_blocks.settings import Workspace
from tests.absent_ledger import absent
from tests.running_engine import Running, job
from tests.served_models import RECORD, protocol, runtime, train_and_promote
from tests.waiting import until

from .test_resilience import samples, wait_for


def rows(count: int) -> list[InferenceTuple]:
    """Rows with ids that grow."""
    made = sorted(new_inference_id() for _ in range(count))
    return [(one, 1, None, None, "m@1", "{}", "{}", b"i" * 32, b"o" * 32, 5, 0) for one in made]


def test_a_file_gives_back_what_it_was_given(tmp_path: Path) -> None:
    """In order, in whole groups, until all of it was dropped."""
    file = SpoolFile.create(tmp_path, "full")
    groups = [rows(3), rows(1), rows(2)]
    for group in groups:
        file.append(group, "full")
    assert file.rows == 6
    assert file.first(4) == (groups[0] + groups[1], 2)
    file.drop(2)
    assert file.first(100) == (groups[2], 1)
    file.drop(1)
    assert file.first(100) == ([], 0)
    file.remove()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("cut", [1, 7, 8, 20, 60])
def test_a_torn_end_is_left_out(tmp_path: Path, cut: int) -> None:
    """A process that died while it wrote: the groups before are whole, and the next one goes on behind them."""
    file = SpoolFile.create(tmp_path, "process")
    kept, torn, more = rows(5), rows(1), rows(2)
    file.append(kept, "process")
    whole = file.size
    file.append(torn, "process")
    os.truncate(file.path, max(whole, file.size - cut))
    file.close()
    found = SpoolFile.adopt(file.path)
    assert found
    assert found.first(100) == (kept, 1)
    found.append(more, "process")
    assert found.first(100) == (kept + more, 2)
    found.close()


def test_a_file_has_one_owner(tmp_path: Path) -> None:
    """Nobody takes the file of a process that lives, nor one that was drained meanwhile."""
    file = SpoolFile.create(tmp_path, "process")
    assert SpoolFile.adopt(file.path) is None
    file.close()
    first = SpoolFile.adopt(file.path)
    assert first
    first.remove()
    assert SpoolFile.adopt(file.path) is None


def test_rows_wait_and_arrive(workspace: Workspace, model: Model, ledger: Ledger) -> None:
    """Replies go on without the ledger; once it is back all rows are there, also those that came while it drained."""
    model.spools = True
    folder = workspace.folder / "spool"
    spool = Spool(ledger, folder, "full")

    async def run() -> list[str]:
        async with Running(ledger, spool) as running:
            jobs = [job(model, 3, seed=seed) for seed in range(30)]
            with absent(workspace):
                for each in jobs[:20]:
                    await running.batcher.submit(each)
                assert spool.rows == 60
                running.batcher.admit(model, job(model).deadline)
            for each in jobs[20:]:
                await running.batcher.submit(each)
            deadline = time.monotonic() + 5
            while spool.is_needed:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.01)
            await running.batcher.submit(job(model, seed=99))
            return [one for each in jobs for one in each.ids]

    ids = asyncio.run(run())
    assert all(ledger.inference(one) for one in ids)
    assert not list(folder.iterdir())


def test_order_is_kept(workspace: Workspace, model: Model, ledger: Ledger) -> None:
    """What came first is in the ledger first: its rows were inserted in the order in which they were kept."""
    spool = Spool(ledger, workspace.folder / "spool", "process")
    waiting = rows(5_000)
    with absent(workspace):
        for start in range(0, len(waiting), 7):
            assert spool.keep(waiting[start : start + 7])
    deadline = time.monotonic() + 10
    while spool.is_needed:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    spool.close()
    found = ledger._database.read("select id from inferences order by rowid")
    assert [row[0] for row in found] == [row[0] for row in waiting]


def test_what_a_dead_process_left_is_drained(workspace: Workspace, ledger: Ledger) -> None:
    """By whoever starts next; rows that were in the ledger already, since an answer was lost, are there once."""
    folder = workspace.folder / "spool"
    left = SpoolFile.create(folder, "process")
    waiting = rows(10)
    left.append(waiting, "process")
    left.close()
    ledger.append(waiting[:4])
    spool = Spool(ledger, folder, "process")
    deadline = time.monotonic() + 5
    while list(folder.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    spool.close()
    assert ledger.inference_counts(["m@1"]) == {"m@1": 10}


def test_a_spool_is_bounded(workspace: Workspace, model: Model, ledger: Ledger) -> None:
    """Beyond its limit requests are refused, as they are without a spool."""
    spool = Spool(ledger, workspace.folder / "spool", "process", most=1_000)
    with absent(workspace):
        assert spool.keep(rows(20))
        assert not spool.has_room()
        assert not spool.keep(rows(1))
        spool.close()
    assert len(list((workspace.folder / "spool").iterdir())) == 1


def test_who_does_not_ask_for_it_is_refused(workspace: Workspace, model: Model, ledger: Ledger) -> None:
    """A model whose protocol says nothing of a spool gets no reply without the ledger, whatever others do."""
    spool = Spool(ledger, workspace.folder / "spool", "process")

    async def run() -> None:
        async with Running(ledger, spool) as running:
            with absent(workspace), pytest.raises(PulseError, match="ledger"):
                await running.batcher.submit(job(model))

    asyncio.run(run())
    assert spool.kept == 0


def test_metrics_and_readiness_tell(workspace: Workspace) -> None:
    """How many rows wait is in /metrics and /readyz; after the ledger came back none, and ids can be traced."""
    train_and_promote(workspace, protocol(serving={"spool": True}))
    with runtime(workspace, "parcels") as (url, _), httpx.Client(base_url=url) as client:
        with absent(workspace):
            ids = [client.post("/predict/parcels", json=RECORD).json()["inference_id"] for _ in range(8)]
            assert samples(client)["pulse_spool_waiting_rows"] == 8
            assert client.get("/readyz").json()["spooled_rows"] == 8
            assert client.get(f"/lineage/{ids[0]}").status_code in {404, 503}
        wait_for(client, "pulse_spool_waiting_rows", 0)
        assert samples(client)["pulse_spooled_rows_total"] == 8
        assert client.get(f"/lineage/{ids[0]}").json()["id"] == ids[0]


def damaged(folder: Path, at: int, groups: list[list[InferenceTuple]]) -> bytes:
    """Leave a file of these groups in which the byte at ``at`` has changed; gives what is in it then."""
    file = SpoolFile.create(folder, "process")
    for group in groups:
        file.append(group, "process")
    file.close()
    content = bytearray(file.path.read_bytes())
    content[at] ^= 0x10
    file.path.write_bytes(content)
    return bytes(content)


# In the first group: its length, a length that goes beyond the file, its CRC, its rows. And the last byte of all.
@pytest.mark.parametrize("at", [0, 1, 3, 5, 20, 200, -1])
def test_a_changed_byte_costs_no_other_group(workspace: Workspace, ledger: Ledger, at: int) -> None:
    """What is sound before and behind it gets to the ledger; the file itself is kept, and counted."""
    folder = workspace.folder / "spool"
    groups = [rows(2) for _ in range(5)]
    content = damaged(folder, at, groups)
    lost = groups.pop(-1 if at == -1 else 0)
    spool = Spool(ledger, folder, "process")
    assert until(lambda: not list(folder.glob("*.spool")), 5)
    spool.close()
    assert all(ledger.inference(row[0]) for group in groups for row in group)
    assert not any(ledger.models_of([row[0] for row in lost]))
    (kept,) = folder.iterdir()
    assert (kept.suffix, kept.read_bytes()) == (".damaged", content)
    assert spool.damaged == 1


def test_rows_of_another_release_are_kept(workspace: Workspace, ledger: Ledger) -> None:
    """A group that is whole, and yet none of ours: it stays in the file, the others get to the ledger."""
    folder, sound = workspace.folder / "spool", rows(3)
    file = SpoolFile.create(folder, "process")
    file.append([row[:-1] for row in rows(2)], "process")  # type: ignore[misc]
    file.append(sound, "process")
    file.close()
    spool = Spool(ledger, folder, "process")
    assert until(lambda: not list(folder.glob("*.spool")), 5)
    spool.close()
    assert len(ledger.models_of([row[0] for row in sound])) == 3
    assert [path.suffix for path in folder.iterdir()] == [".damaged"]


class Away:
    """What a spool asks of a ledger, out of reach for a reason."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def append_missing(self, _: object) -> None:
        raise UnavailableError("ledger.unavailable", self.reason)


def test_each_reason_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A ledger that is away, and then back without the rights: whoever reads the log can see the second reason."""
    ledger = Away("The server is away.")
    spool = Spool(ledger, tmp_path / "spool", "process")  # type: ignore[arg-type]
    assert spool.keep(rows(1))
    assert until(lambda: "The server is away." in caplog.text, 5)
    ledger.reason = "Permission denied."
    assert until(lambda: "Permission denied." in caplog.text, 5)
    spool.close()
    assert caplog.text.count("The server is away.") == caplog.text.count("Permission denied.") == 1


def keep_at_once(folder: Path, together: Barrier, lost: Queue[int], times: int) -> None:
    """One worker of several whose ledger goes at the same moment, again and again."""
    gone = 0
    for number in range(times):
        spool = Spool(Away("away"), folder / str(number), "process")  # type: ignore[arg-type]
        together.wait()
        assert spool.keep(rows(1))
        together.wait()
        time.sleep(0.02)
        spool.close()
        together.wait()
        assert spool._file
        gone += not spool._file.path.exists()
    lost.put(gone)


def test_workers_leave_each_others_new_files_alone(tmp_path: Path) -> None:
    """Four processes begin to keep rows at one moment: each file stays until its rows are in the ledger."""
    forking = multiprocessing.get_context("fork")
    together, lost, times = forking.Barrier(4), forking.Queue(), 40
    workers = [forking.Process(target=keep_at_once, args=(tmp_path, together, lost, times)) for _ in range(4)]
    for worker in workers:
        worker.start()
    assert sum(lost.get(timeout=60) for _ in workers) == 0
    for worker in workers:
        worker.join()
