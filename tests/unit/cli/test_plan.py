"""``pulse plan``: by the newest snapshot, or a word on how to get one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pulse_blocks.cli.main import run as pulse
from tests.tiny_project import make_project


def test_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a snapshot the way to one; with one cpu, memory, workers and reasons."""
    monkeypatch.setenv("PULSE_ROOT", str(make_project(tmp_path / "project")))
    assert pulse(["plan", "tiny"]) == 1
    assert "pulse snapshot create tiny" in capsys.readouterr().err
    assert pulse(["snapshot", "create", "tiny", "--json"]) == 0
    snapshot = json.loads(capsys.readouterr().out)["snapshot"]
    assert pulse(["plan", "tiny", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["cpu"], said["memory"], said["workers"]) == (1, "512MiB", 1)
    assert (said["snapshot"], said["rows"]) == (snapshot, 3000)
    assert len(said["reasons"]) == 4
    assert pulse(["plan", "tiny"]) == 0
    assert "Memory   512MiB" in capsys.readouterr().out
