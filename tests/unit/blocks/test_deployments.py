"""Deployments as they are handed to Prefect: what the project says, and the workspace."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pulse_blocks.blocks.deployments import in_workspace, write
from pulse_blocks.errors import PulseError
from tests.tiny_project import ROOT

FILES = [ROOT / "prefect.yaml", ROOT / "pulse_blocks" / "templates" / "prefect.yaml"]


@pytest.mark.parametrize("file", FILES, ids=["here", "template"])
def test_every_deployment_is_told_its_workspace(file: Path, tmp_path: Path) -> None:
    """Also those that automations start; everything else stays as it was written."""
    before = yaml.safe_load(file.read_text())
    write(in_workspace(file, "prod"), tmp_path / "prefect.yaml")
    after = yaml.safe_load((tmp_path / "prefect.yaml").read_text())
    assert {"on-drift", "on-suspicion", "on-regression"} <= {one["name"] for one in after["deployments"]}
    for one in after["deployments"]:
        assert one["work_pool"]["job_variables"]["env"].pop("PULSE_WORKSPACE") == "prod"
    for one in before["deployments"]:
        one["work_pool"].setdefault("job_variables", {}).setdefault("env", {})
    assert after == before


@pytest.mark.parametrize("text", ["", "deployments: 3", "deployments: [x]", "- a", "name: ["])
def test_a_file_without_deployments_is_refused(tmp_path: Path, text: str) -> None:
    """One clear sentence that names it."""
    (tmp_path / "prefect.yaml").write_text(text)
    with pytest.raises(PulseError, match=r"prefect\.yaml"):
        in_workspace(tmp_path / "prefect.yaml", "prod")
