"""A run does only what has changed since the run before: the rest is found, and said to be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pulse_blocks.ledger import open_ledger
from pulse_blocks.lineage import trace
from pulse_blocks.promotion.moving import promote
from pulse_blocks.records import TrainedModel, from_json
from pulse_blocks.settings import Workspace
from pulse_blocks.stages.reproduce import reproduce
from tests.prefect_server import Server
from tests.tiny_project import write_parcels

STAGES = ["ingest", "snapshot", "validate", "train", "store", "deploy"]


def run(api: Server, **parameters: Any) -> tuple[Any, dict[str, str]]:
    """A run's summary, and the name of each stage's state."""
    from flows.train import train

    summary = train("tiny", **parameters, return_state=True).result(raise_on_failure=False)
    assert not isinstance(summary, Exception), repr(summary)
    newest = api.post("/flow_runs/filter", {"sort": "START_TIME_DESC", "limit": 1})[0]["id"]
    found = api.post("/task_runs/filter", {"flow_runs": {"id": {"any_": [newest]}}})
    return summary, {one["name"].rsplit("-", 1)[0]: one["state"]["name"] for one in found}


def edit(project: Path, old: str, new: str) -> None:
    """Change the protocol file."""
    path = project / "protocols" / "tiny.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def cached(states: dict[str, str]) -> list[str]:
    """The stages that were not done again."""
    return [stage for stage in STAGES if states[stage] == "Cached"]


def test_only_what_changed_is_done(api: Server, project: Path, workspace: Workspace) -> None:
    """Nothing, serving, training, data: each change does its own stages, the others are found; --fresh does all."""
    first, states = run(api)
    assert cached(states) == []
    again, states = run(api)
    assert cached(states) == ["validate", "train"]
    assert (again.snapshot, again.run, again.model) == (first.snapshot, first.run, first.model)
    assert again.champion == first.model

    edit(project, "version: 1.0.0", "version: 1.0.1")
    edit(project, "on_invalid:", "serving: {cache: {entries: 5}}\non_invalid:")
    served, states = run(api)
    assert cached(states) == ["validate", "train"]
    assert served.run != first.run
    assert served.model == first.model.replace("1.0.0", "1.0.1") == served.champion
    assert served.metrics == first.metrics
    with open_ledger(workspace.ledger) as ledger:
        (row,) = ledger.stage_rows(served.run, "train")
    assert from_json(row.record, TrainedModel).reused == first.run
    assert [one.id for one in trace(workspace, served.model).children[0].children] == []
    assert reproduce(workspace, served.run).same

    edit(project, "rounds: 20", "rounds: 21")
    trained, states = run(api)
    assert cached(states) == ["validate"]
    assert trained.run not in (first.run, served.run)

    write_parcels(project / ".pulse" / "parcels.db", seed=2)
    other, states = run(api)
    assert cached(states) == []
    assert other.snapshot != first.snapshot

    _, states = run(api, fresh=True)
    assert cached(states) == []


def test_what_is_gone_is_made_again(api: Server, project: Path, workspace: Workspace) -> None:
    """A result whose files were deleted is no result."""
    first, _ = run(api)
    store = Path(workspace.store)
    for path in [
        *store.glob("models/*.curves.json"),
        *store.glob(f"snapshots/{first.snapshot}/validation/**/*.json"),
    ]:
        path.unlink()
    again, states = run(api)
    assert cached(states) == []
    assert again.model == first.model


def test_another_champion_is_challenged_again(api: Server, project: Path, workspace: Workspace) -> None:
    """The trees are the same, but whom they have to beat is not: they are judged anew."""
    first, _ = run(api)
    edit(project, "rounds: 20", "rounds: 10")
    second, _ = run(api)
    edit(project, "rounds: 10", "rounds: 5")
    run(api)
    # Whom the last run did not meet.
    other = first.model if second.promoted else second.model
    promote(workspace, "tiny", other, who="test", reason="a test")
    _, states = run(api)
    assert cached(states) == ["validate"]
