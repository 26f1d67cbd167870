"""The flow ``train``: six stages, and a clear sentence from the stage that fails."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import open_ledger
from pulse_blocks.lineage import trace
from pulse_blocks.settings import Workspace
from tests.prefect_server import Server
from tests.tiny_project import PROTOCOL, write_parcels

STAGES = ["ingest", "snapshot", "validate", "train", "store", "deploy"]


def run_flow(**parameters: Any) -> Any:
    """The final state of the flow, run in this process against the real server."""
    from flows.train import train

    return train("tiny", **parameters, return_state=True)


def result(state: Any) -> Any:
    """What a state carries: a summary, or the error."""
    return state.result(raise_on_failure=False)


def task_runs(api: Server, flow_run_name: str = "tiny") -> list[dict[str, Any]]:
    """The task runs of the newest flow run, in the order of the stages."""
    flow_runs = api.post("/flow_runs/filter", {"sort": "START_TIME_DESC", "limit": 1})
    found = api.post("/task_runs/filter", {"flow_runs": {"id": {"any_": [flow_runs[0]["id"]]}}})
    return sorted(found, key=lambda run: STAGES.index(run["task_key"].split("-")[0].split(".")[-1]))


def test_six_stages_end_with_a_champion(api: Server, workspace: Workspace) -> None:
    """A run on sound data is Completed, all six tasks are, and the ledger names the model as champion."""
    state = run_flow()
    assert state.is_completed(), state.message
    summary = result(state)
    assert summary.promoted
    assert list(summary.seconds) == STAGES
    assert re.fullmatch(r"snap_[0-9a-f]{12}", summary.snapshot)
    assert re.fullmatch(r"run_[0-9a-f]{12}", summary.run)
    assert re.fullmatch(r"tiny@1\.0\.0-[0-9a-f]{7}", summary.model)
    assert [run["state"]["name"] for run in task_runs(api)] == ["Completed"] * 6
    with open_ledger(workspace.ledger) as ledger:
        champion = ledger.champion("tiny")
    assert champion is not None
    assert champion.model == summary.model == summary.champion


def test_each_stage_leaves_an_artifact(api: Server, workspace: Workspace) -> None:
    """Every stage leaves Markdown, and the run a progress bar that has reached its end."""
    run_flow()
    newest = api.post("/flow_runs/filter", {"sort": "START_TIME_DESC", "limit": 1})[0]["id"]
    found = api.post("/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [newest]}}})
    by_key = {artifact["key"]: artifact for artifact in found}
    assert set(by_key) == {f"pulse-tiny-{stage}" for stage in [*STAGES, "progress"]}
    assert by_key["pulse-tiny-progress"]["data"] == 100.0
    assert "rows hold the contract" in by_key["pulse-tiny-validate"]["data"]
    assert by_key["pulse-tiny-train"]["data"].count("](data:image/png;base64,") == 5
    assert "- **Model** `tiny@1.0.0-" in by_key["pulse-tiny-deploy"]["data"]


def test_events_reach_prefect(api: Server, workspace: Workspace) -> None:
    """A run tells Prefect of its snapshot, its model and its champion, each once, and nothing stays behind."""
    import time

    snapshot = result(run_flow()).snapshot
    with open_ledger(workspace.ledger) as ledger:
        assert ledger.unsent() == []
    wanted = {"resource": {"id": ["pulse.model.tiny"]}, "event": {"prefix": ["pulse."]}}
    deadline = time.monotonic() + 15  # the server writes events behind its answer
    names: list[str] = []
    while len(names) < 3 and time.monotonic() < deadline:
        found = api.post("/events/filter", {"filter": wanted, "limit": 50})["events"]
        ours = [e for e in found if snapshot in str(e["payload"]) or "snapshot" not in e["payload"]]
        names = [event["event"] for event in ours]
        time.sleep(0.3)
    assert {"pulse.snapshot.created", "pulse.model.registered", "pulse.model.promoted"} <= set(names)


def test_unchanged_data_give_the_same_snapshot_and_no_new_bytes(api: Server, workspace: Workspace) -> None:
    """A second run finds its snapshot and its model, writes no bytes, and the champion stays."""
    first = result(run_flow())
    store = Path(workspace.store)
    before = {path: path.stat().st_ino for path in store.rglob("*") if path.is_file()}
    second = result(run_flow())
    after = {path: path.stat().st_ino for path in store.rglob("*") if path.is_file()}
    assert (second.snapshot, second.model) == (first.snapshot, first.model)
    assert not second.promoted
    assert second.champion == first.model
    assert after == before


def test_a_window_of_its_own(api: Server, workspace: Workspace) -> None:
    """A run may name its own window: fewer days, another snapshot."""
    import datetime as dt

    whole = result(run_flow())
    part = result(run_flow(end=dt.date(2026, 2, 15)))
    assert part.snapshot != whole.snapshot


def _edit(old: str, new: str) -> Callable[[Path], None]:
    def edit(project: Path) -> None:
        assert old in PROTOCOL
        (project / "protocols" / "tiny.yaml").write_text(PROTOCOL.replace(old, new))

    return edit


def _data(statement: str) -> Callable[[Path], None]:
    def edit(project: Path) -> None:
        with sqlite3.connect(project / ".pulse" / "parcels.db") as db:
            db.execute(statement)
        db.close()

    return edit


def _broken_rows(project: Path) -> None:
    write_parcels(project / ".pulse" / "parcels.db", broken=0.05)


BAD = {
    "no such datasource": (_edit("datasource: parcels", "datasource: parcel"), "ingest", "datasource.unknown"),
    "missing columns": (_edit("select *", "select parcel, sent, late"), "ingest", "source.columns_missing"),
    "empty window": (_edit("2026-01-01, end: 2026-03-01", "2031-01-01, end: 2031-03-01"), "ingest", "source.empty"),
    "file of the datasource gone": (lambda project: (project / ".pulse" / "parcels.db").unlink(), "ingest", None),
    "target with one class": (_data("update parcels set late = 0"), "validate", "validation.target"),
    "target with nulls": (_data("update parcels set late = null where parcel < 'p000300'"), "validate", None),
    "5 % broken rows": (_broken_rows, "validate", "validation.failed"),
    "gate that is missed": (_edit("at_least: 0.6", "at_least: 0.999"), "train", "training.gate_missed"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_fails_in_its_stage_with_one_sentence(
    api: Server, workspace: Workspace, project: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run is Failed with the stage's sentence as its message; no model version, no alias, no promotion."""
    damage, stage, code = BAD[case]
    damage(project)
    if case == "file of the datasource gone":
        from flows import tasks

        monkeypatch.setattr(tasks.ingest, "retry_delay_seconds", [0, 0, 0])
    state = run_flow()
    error = result(state)
    assert state.is_failed()
    assert isinstance(error, PulseError)
    assert state.message == str(error)
    assert code is None or error.code == code
    failed = [run for run in task_runs(api) if run["state"]["type"] == "FAILED"]
    assert [run["task_key"].split("-")[0].split(".")[-1] for run in failed] == [stage]
    assert _versions(workspace) == []
    with open_ledger(workspace.ledger) as ledger:
        assert ledger.champion("tiny") is None


def test_a_run_whose_gate_was_missed_is_known_to_lineage(
    api: Server, workspace: Workspace, project: Path
) -> None:
    """By its id and below its snapshot, with its metrics and the reason."""
    _edit("at_least: 0.6", "at_least: 0.999")(project)
    state = run_flow()
    with open_ledger(workspace.ledger) as ledger:
        (row,) = ledger.stage_rows("run_", "refused")
    told = trace(workspace, row.record_id)
    assert told.facts["refused"] == result(state).message
    assert set(told.facts["metrics"]) == {"accuracy", "f1_score", "roc_auc"}
    (snapshot,) = told.children
    assert [run.id for run in trace(workspace, snapshot.id).children] == [row.record_id]


def _versions(workspace: Workspace) -> list[Any]:
    from mlflow import MlflowClient

    client = MlflowClient(workspace.tracking, registry_uri=workspace.tracking)
    return list(client.search_model_versions("name='tiny'"))
