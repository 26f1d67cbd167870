"""``pulse audit verify`` as users call it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pulse_blocks.bundle.files import key_of
from tests import small_data
from tests.lineage_world import World
from tests.tiny_project import pulse

KEY = "a key of thirty-two bytes or more"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A workspace with a promoted model, whose trees are not those that its id names, and an inference."""
    made = World(tmp_path)
    snapshot = small_data.snapshot_of(made.store, small_data.protocol(), small_data.columns(50))
    stored = made.keep(made.train(snapshot), snapshot)
    made.promote(stored, key=KEY.encode())
    made.infer(stored.model)
    return made


def test_what_does_not_hold_is_told_with_exit_code_1(world: World, tmp_path: Path) -> None:
    """A line for each thing on standard output, how many on standard error; as JSON where asked for."""
    (bundle,) = world.store.keys("bundles/")
    world.lose(bundle)
    done = pulse(tmp_path, "audit", "verify", PULSE_SIGNING_KEY=KEY)
    assert done.returncode == 1
    assert "Its bundle is missing" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("Checked: 1 snapshot, 1 chunk, ")
    assert done.stderr == "2 things of this workspace do not hold.\n"
    told = json.loads(pulse(tmp_path, "audit", "verify", "--json", PULSE_SIGNING_KEY=KEY).stdout)
    assert told["ok"] is False
    assert {one["kind"] for one in told["findings"]} == {"model", "promotion"}
    assert key_of(told["findings"][0]["id"]) == bundle


def test_a_machine_without_the_key_says_so(world: World, tmp_path: Path) -> None:
    """Everything else is still checked."""
    done = pulse(tmp_path, "audit", "verify", "--json")
    assert "Signatures of promotions are not checked." in done.stderr
    assert "signatures" not in json.loads(done.stdout)["checked"]
    assert world.store.uri


def test_before_the_first_run_there_is_nothing_to_audit(tmp_path: Path) -> None:
    """A clear refusal, and asking makes nothing."""
    done = pulse(tmp_path, "audit", "verify")
    assert done.returncode == 1
    assert "error: " in done.stderr
    assert list(tmp_path.iterdir()) == []
