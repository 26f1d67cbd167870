"""A new protocol may not break the champion's callers in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol import loading
from pulse_blocks.stages.contract import require_version
from tests.lineage_world import World
from tests.tiny_project import PROTOCOL

NARROWER = PROTOCOL.replace("le: 50", "le: 40").replace("[bike, train, van]", "[bike, van]")


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A workspace whose champion is of the tiny protocol, version 1.0.0."""
    world = World(tmp_path)
    snapshot = world.snapshot()
    world.promote(world.keep(world.train(snapshot), snapshot))
    return world


def require(world: World, text: str) -> None:
    require_version(loading.loads(text), world.workspace, world.ledger)


@pytest.mark.parametrize("version", ["1.0.0", "1.9.0", "0.9.0"])
def test_a_breaking_change_needs_a_new_major_version(world: World, version: str) -> None:
    """One sentence names what would break and for whom; the hint names the version that says so."""
    with pytest.raises(PulseError) as refusal:
        require(world, NARROWER.replace("1.0.0", version))
    assert refusal.value.code == "protocol.breaking_change"
    assert refusal.value.message == (
        f"tiny {version} breaks those who call tiny 1.0.0, the champion: features.weight.le: it refuses what it "
        "took before; features.carrier.values: it refuses what it took before: train."
    )
    assert refusal.value.hint == "Give it version 2.0.0, or take the changes back."


def test_a_new_major_version_may_break(world: World) -> None:
    """It tells callers what it does."""
    require(world, NARROWER.replace("1.0.0", "2.0.0"))


def test_what_breaks_nobody_passes(world: World) -> None:
    """The same protocol, a wider one, other training: no new version is needed."""
    require(world, PROTOCOL)
    require(world, PROTOCOL.replace("le: 50", "le: 60").replace("rounds: 20", "rounds: 30"))


def test_a_name_without_a_champion_has_no_callers(tmp_path: Path) -> None:
    """Before the first promotion everything may change."""
    require(World(tmp_path), NARROWER)


def test_many_changes_are_counted(world: World) -> None:
    """The sentence stays one that can be read."""
    features = "".join(f"  f{number}: {{type: float}}\n" for number in range(9))
    with pytest.raises(PulseError, match=r"features\.f4: a request without it is refused; and 4 more\."):
        require(world, PROTOCOL.replace("target:", f"{features}target:"))
