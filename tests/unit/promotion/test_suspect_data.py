"""When a regression goes back to the data: what validation said of both snapshots, and how far apart they are."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from pulse_blocks import settings
from pulse_blocks.ledger import migrate, open_ledger
from pulse_blocks.promotion.suspect_data import SuspectData, suspect_data
from pulse_blocks.protocol import loading
from pulse_blocks.protocol.window import resolve
from pulse_blocks.records import SnapshotRef, StoredModel, ValidatedData, to_json
from pulse_blocks.settings import Workspace
from pulse_blocks.stages.context import Context
from pulse_blocks.stages.ingest import ingest
from pulse_blocks.stages.snapshot import snapshot
from pulse_blocks.stages.validate import validate
from pulse_blocks.stores import open_store
from tests.tiny_project import write_parcels


@pytest.fixture
def workspace(project: Path) -> Workspace:
    """The small project's."""
    return settings.load(project, environ={})


def taken(workspace: Workspace, model: str) -> str:
    """A snapshot of the data as they are, validated, as that of a stored model; its id."""
    protocol = loading.load(loading.find(workspace, "tiny"))
    window = resolve(protocol, None, None, dt.datetime(2026, 3, 1, tzinfo=dt.UTC))
    migrate(workspace.ledger)
    with open_ledger(workspace.ledger) as ledger:
        attempt = ledger.begin("tiny", model).id
        context = Context(protocol=protocol, workspace=workspace, window=window, attempt=attempt)
        ref: SnapshotRef = snapshot(ingest(window, context), context)
        data: ValidatedData = validate(ref, context)
        stored = StoredModel(
            model=model, run="run_1", tracking_run="1", snapshot=ref.id, version="1", bundle="b",
            bundle_sha256="0", smoke="s", lost=None,
        )  # fmt: skip
        ledger.finish_stage(attempt, "validate", data.snapshot, to_json(data), 1.0)
        ledger.finish_stage(attempt, "store", model, to_json(stored), 1.0)
        ledger.end(attempt, "completed")
    return ref.id


def change(project: Path, *statements: str) -> None:
    """Change the datasource."""
    with sqlite3.connect(project / ".pulse" / "parcels.db") as db:
        for statement in statements:
            db.execute(statement)
    db.close()


def same(_: Path) -> None:
    """Nothing has changed."""


def a_few_more(project: Path) -> None:
    """Other rows of the same kind."""
    write_parcels(project / ".pulse" / "parcels.db", seed=2)


def heavier(project: Path) -> None:
    """One feature of four has moved far."""
    change(project, "update parcels set weight = 40 + weight / 5")


def worse(project: Path) -> None:
    """Some weights are impossible."""
    change(project, "update parcels set weight = -1 where parcel < 'p000012'")


CASES: dict[str, tuple[Callable[[Path], None], str | None]] = {
    "the same snapshot": (same, None),
    "data of the same kind": (a_few_more, None),
    "moved far": (heavier, "1 of 4 features"),
    "more in quarantine": (worse, "0.40% of the rows"),
}


@pytest.mark.parametrize("case", CASES)
def test_which_snapshots_are_suspected(workspace: Workspace, project: Path, case: str) -> None:
    """The one of the model that is left, for what it did worse than the one before; and no other."""
    alter, said = CASES[case]
    before = taken(workspace, "tiny@1.0.0-aaaaaaa")
    alter(project)
    now = taken(workspace, "tiny@1.0.0-bbbbbbb")
    protocol = loading.load(loading.find(workspace, "tiny"))
    with open_ledger(workspace.ledger) as ledger:
        found = suspect_data(
            ledger,
            open_store(workspace.store),
            protocol,
            left="tiny@1.0.0-bbbbbbb",
            kept="tiny@1.0.0-aaaaaaa",
        )
    if said is None:
        assert found is None
    else:
        assert isinstance(found, SuspectData)
        assert (found.snapshot, found.before) == (now, before)
        assert said in found.reason
