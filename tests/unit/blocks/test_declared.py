"""The files in deployments/automations: what they may hold, and what is told about one that is not sound."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from prefect.events.schemas.automations import AutomationCore

from pulse_blocks.blocks.declared import FOLDER, declared, project_name
from pulse_blocks.errors import PulseError
from tests.tiny_project import ROOT

SOUND = """\
name: one
trigger: {posture: Reactive, expect: [pulse.drift.detected], threshold: 1, within: 30}
actions: [{type: run-deployment, deployment: train/on-drift}]
"""
BROKEN = {
    "no yaml": ("name: [", "it is no YAML"),
    "no trigger": ("name: one\nactions: [{type: do-nothing}]", "trigger"),
    "unknown key": (SOUND + "owner: me\n", "owner"),
    "no action": (SOUND.replace("[{type: run-deployment, deployment: train/on-drift}]", "[]"), "no action"),
    "a name used twice": (SOUND, "its name is that of"),
}


def test_those_of_this_project_are_sound() -> None:
    """Every file is one, its deployment is in prefect.yaml, and Prefect takes trigger and actions as they are."""
    found = declared(ROOT)
    assert len(found) == len(list((ROOT / FOLDER).glob("*.yaml"))) >= 7
    raw = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    known = {f"{one['entrypoint'].split('.')[-1].replace('_', '-')}/{one['name']}" for one in raw}
    for one in found:
        named = [action["deployment"] for action in one.actions if "deployment" in action]
        assert set(named) <= known, one.file
        core = AutomationCore.model_validate(
            {"name": one.name, "trigger": one.trigger, "actions": [{"type": "do-nothing"}]}
        )
        assert core.trigger.threshold == 1
        # A template must give text, or no run is created.
        assert all("event.id }}" not in str(action) for action in one.actions)


def test_no_deployment_has_triggers_of_its_own() -> None:
    """They would be made anew by each deploy, and forget their cooldown."""
    raw = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    assert [one["name"] for one in raw if "triggers" in one] == []


@pytest.mark.parametrize("case", BROKEN)
def test_a_file_that_is_not_sound_is_named(case: str, tmp_path: Path) -> None:
    """With the reason."""
    text, said = BROKEN[case]
    (tmp_path / FOLDER).mkdir(parents=True)
    (tmp_path / FOLDER / "a.yaml").write_text(text)
    if case == "a name used twice":
        (tmp_path / FOLDER / "b.yaml").write_text(text)
    with pytest.raises(PulseError) as refused:
        declared(tmp_path)
    assert refused.value.code == "automation.invalid"
    assert said in refused.value.message
    assert "deployments/automations/" in refused.value.message


def test_a_project_has_a_name(tmp_path: Path) -> None:
    """That of prefect.yaml, else that of its folder; a project without automations declares none."""
    assert project_name(tmp_path) == tmp_path.name
    (tmp_path / "prefect.yaml").write_text("name: mine\n")
    assert project_name(tmp_path) == "mine"
    assert declared(tmp_path) == []
