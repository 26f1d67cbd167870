"""``pulse audit verify``: a sound workspace holds, and every kind of tampering is named."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from pulse_blocks.lineage.audit import Audit, audit
from pulse_blocks.lineage.node import Places
from pulse_blocks.records import Deployment, to_json
from tests.lineage_world import World

from .tampering import TAMPERING, Sound, chunk


@pytest.fixture
def sound(tmp_path: Path) -> Sound:
    """A workspace in which everything holds."""
    return Sound(tmp_path)


def test_a_sound_workspace_holds(sound: Sound) -> None:
    """Everything is counted, nothing is found."""
    found = sound.audit()
    assert found.findings == ()
    assert found.ok
    assert found.checked == {
        "snapshots": 2,
        "chunks": 2,
        "stages": 6,
        "bundles": 2,
        "promotions": 2,
        "signatures": 2,
        "audit rows": 2,
        "inferences": 6,
    }


def test_an_empty_workspace_holds(world: World) -> None:
    """Before the first run there is nothing that could be wrong."""
    assert audit(Places(ledger=world.ledger, store=world.store)) == Audit(
        ok=True, checked={}, findings=(), more=0
    )


@pytest.mark.parametrize("case", TAMPERING)
def test_every_kind_of_tampering_is_named(sound: Sound, case: str) -> None:
    """The finding names the thing and what does not hold; the rest of the workspace is still looked at."""
    tamper, kind, words = TAMPERING[case]
    tamper(sound)
    found = sound.audit()
    assert not found.ok
    assert any(one.kind == kind and words in one.problem for one in found.findings), found.findings
    assert found.checked["inferences"] == 6


def test_a_promotion_that_a_run_has_noted_cannot_be_taken_out(sound: Sound) -> None:
    """Even where its announcement went with it."""
    attempt = sound.world.ledger.begin("tiny", "deploy").id
    stored = sound.stored[1]
    deployed = Deployment(
        model=stored.model,
        champion=stored.model,
        previous=None,
        promoted=True,
        reason="",
        run=stored.run,
        snapshot=stored.snapshot,
    )
    sound.world.ledger.finish_stage(attempt, "deploy", stored.model, to_json(deployed), 1.0)
    (finding,) = sound.audit().findings
    assert attempt in finding.problem


def test_many_findings_are_counted_and_the_first_are_kept(
    sound: Sound, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ledger that is wrong from end to end must not fill the memory."""
    monkeypatch.setattr("pulse_blocks.lineage.audit._KEPT", 4)
    sound.sql("update inferences set input = '1', output = '2'")
    found = sound.audit()
    assert (len(found.findings), found.more, found.ok) == (4, 8, False)


def test_an_audit_survives_json(sound: Sound) -> None:
    """``--json`` gives what was checked and every finding."""
    sound.world.lose(chunk(sound))
    found = sound.audit()
    assert msgspec.json.decode(to_json(found), type=Audit) == found
    assert re.fullmatch(r"snap_[0-9a-f]{12}", found.findings[0].id)
