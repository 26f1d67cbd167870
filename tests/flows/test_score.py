"""The flow ``score``: on a real server, with a progress bar, a summary, and a clear sentence where it fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pulse_blocks.errors import UnavailableError
from pulse_blocks.ledger import open_ledger
from pulse_blocks.scoring import ScoringRun, running
from pulse_blocks.settings import Workspace
from pulse_blocks.stores.disk import DiskStore
from tests.prefect_server import Server
from tests.scored_rows import rows, scoring_workspace
from tests.tiny_project import ROOT, pulse


@pytest.fixture
def scored_workspace(project: Path) -> Workspace:
    """The project, with a champion of ``parcels`` and a thousand rows for it."""
    return scoring_workspace(project, rows(1000))


def newest_run(api: Server) -> str:
    """The id of the newest flow run."""
    return str(api.post("/flow_runs/filter", {"sort": "START_TIME_DESC", "limit": 1})[0]["id"])


def test_a_flow_that_scores(api: Server, scored_workspace: Workspace) -> None:
    """Completed in a sentence, with its summary and a progress bar that has reached its end."""
    from flows.score import score

    state = score("parcels", return_state=True)
    assert state.is_completed(), state.message
    scored = state.result()
    assert state.message == f"1,000 predictions by {scored.model}."
    found = api.post("/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [newest_run(api)]}}})
    by_key = {artifact["key"]: artifact["data"] for artifact in found}
    assert by_key["pulse-parcels-score-progress"] == 100.0
    assert scored.scoring in by_key["pulse-parcels-score"]


def test_what_was_out_of_reach_is_tried_again(
    api: Server, scored_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task goes on after the parts that were finished; each row is predicted once."""
    from flows import score as flows

    monkeypatch.setattr(running, "PART_ROWS", 250)
    monkeypatch.setattr(flows.predict, "retry_delay_seconds", [0, 0, 0])
    put, calls = DiskStore.put, list[str]()

    def failing(self: DiskStore, key: str, data: bytes) -> int:
        calls.append(key)
        if len(calls) == 3:
            raise UnavailableError("store.failed", "The store is away.")
        return put(self, key, data)

    monkeypatch.setattr(DiskStore, "put", failing)
    state = flows.score("parcels", return_state=True)
    assert state.is_completed(), state.message
    assert len(calls) == 5
    with open_ledger(scored_workspace.ledger) as ledger:
        assert [file.rows for file in ledger.inference_files()] == [250] * 4


def test_no_champion_is_one_sentence(api: Server, workspace: Workspace) -> None:
    """Failed in the words of the error; no attempt is left behind."""
    from flows.score import score

    state = score("tiny", return_state=True)
    assert state.is_failed()
    assert "pulse run tiny" in str(state.message)


def test_the_form_explains_itself(api: Server) -> None:
    """The schema behind the form in the Prefect UI describes every parameter."""
    from flows.score import score

    schema: dict[str, Any] = json.loads(json.dumps(score.parameters.model_dump()))
    assert schema["required"] == ["protocol"]
    assert all(one["description"] for one in schema["properties"].values())


def test_the_command(server: Server, scored_workspace: Workspace) -> None:
    """``pulse score --json`` gives the scoring; asked again it is the same one."""
    project = Path(scored_workspace.root)
    found = [pulse(project, "score", "parcels", "--json", **server.env) for _ in range(2)]
    assert [done.returncode for done in found] == [0, 0], found[0].stderr
    first, second = (json.loads(done.stdout) for done in found)
    assert (first["rows"], first["existed"], second["existed"]) == (1000, False, True)
    assert first["scoring"] == second["scoring"]
    told = pulse(project, "lineage", first["scoring"])
    assert "Predictions: 1,000" in told.stdout


def test_every_deployment_of_scoring_names_a_protocol() -> None:
    """In this project's prefect.yaml and in a new project's."""
    import yaml

    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    scoring = [one for one in deployments if one["entrypoint"] == "flows.score.score"]
    names = {path.stem for path in (ROOT / "protocols").glob("*.yaml")}
    assert {one["parameters"]["protocol"] for one in scoring} <= names
    assert scoring
    assert "flows.score.score" in (ROOT / "pulse_blocks" / "templates" / "prefect.yaml").read_text()


def test_a_scoring_run_needs_no_prefect(scored_workspace: Workspace) -> None:
    """The library alone gives the same scoring."""
    from pulse_blocks.scoring import begin

    run = begin(scored_workspace, "parcels")
    assert isinstance(run, ScoringRun)
    assert run.run().rows == 1000
