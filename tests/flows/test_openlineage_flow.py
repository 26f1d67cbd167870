"""OpenLineage events of a real flow run, and of one that is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.prefect_server import Server


def test_a_flow_run_tells_its_stages(
    api: Server, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a file transport configured, the pipeline and each stage start and complete; a refusal is told as FAIL."""
    from flows.train import train

    path = tmp_path / "events.jsonl"
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "file")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__LOG_FILE_PATH", str(path))
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__APPEND", "true")
    assert train("tiny", return_state=True).is_completed()
    told = [json.loads(line) for line in path.read_text().splitlines()]
    ended = [event["job"]["name"] for event in told if event["eventType"] == "COMPLETE"]
    stages = ["ingest", "snapshot", "validate", "train", "store", "deploy"]
    assert ended == [*(f"tiny.{stage}" for stage in stages), "tiny"]
    text = (project / "protocols" / "tiny.yaml").read_text()
    (project / "protocols" / "tiny.yaml").write_text(text.replace("at_least: ", "at_least: 9"))
    assert train("tiny", return_state=True).is_failed()
    told = [json.loads(line) for line in path.read_text().splitlines()][len(told) :]
    assert {event["job"]["name"] for event in told if event["eventType"] == "FAIL"} == {"tiny.train", "tiny"}
