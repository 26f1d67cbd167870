"""Rows that wait on disk while the ledger is out of reach: none is lost, none is there twice, all in order."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.ids import new_inference_id
from pulse_blocks.ledger import Ledger, open_ledger
from pulse_blocks.ledger.base import InferenceTuple
from pulse_blocks.serving.model import Model
from pulse_blocks.serving.spool import Spool
from pulse_blocks.serving.spool_file import SpoolFile
from pulse_blocks.settings import Workspace
from tests.absent_ledger import absent
from tests.running_engine import Running, job
from tests.served_models import RECORD, protocol, runtime, train_and_promote

from .test_resilience import samples, wait_for


@pytest.fixture
def ledger(workspace: Workspace, model: Model) -> Iterator[Ledger]:
    """The ledger in which the model was promoted."""
    with open_ledger(workspace.ledger) as opened:
        yield opened


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
