"""Archived inferences: traced, counted and audited like any other, and missed in words once they are deleted."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from pulse_blocks.archive import moving
from pulse_blocks.archive.expiring import expire
from pulse_blocks.archive.maintaining import seal
from pulse_blocks.errors import PulseError
from pulse_blocks.lineage import deleted_on, inferences_on
from pulse_blocks.lineage.audit import Audit, audit
from pulse_blocks.lineage.node import Places
from pulse_blocks.lineage.text import render
from pulse_blocks.lineage.trace import trace_in
from tests.lineage_world import World
from tests.old_inferences import NOW, old


@pytest.fixture
def archived(world: World) -> tuple[World, str, list[str]]:
    """A model with 30 old inferences in archives and two in the ledger; their ids."""
    snapshot = world.snapshot()
    stored = world.keep(world.train(snapshot), snapshot)
    world.promote(stored)
    rows = old(30, 100, stored.model)
    world.ledger.append(rows)
    live = world.infer(stored.model, 2)
    assert moving.move(world.ledger, world.store, "tiny", NOW).rows == 30
    return world, stored.model, [*live, *(row[0] for row in rows)]


def told(found: Audit) -> list[str]:
    """What is wrong with inferences and their counts; the chunks of this world were never written."""
    return [one.problem for one in found.findings if one.kind in ("inference", "inference file", "model")]


def test_an_archived_inference_is_traced(archived: tuple[World, str, list[str]]) -> None:
    """The same tree, and where it is now."""
    world, model, made = archived
    node = trace_in(world.ledger, world.store, made[-1])
    (file,) = world.ledger.inference_files()
    assert node.children[0].id == model
    assert node.facts["archived"]["file"] == world.store.locate(file.key)
    assert f"Archived: {node.facts['archived']['at']} in " in render(node)
    assert "archived" not in trace_in(world.ledger, world.store, made[0]).facts


def test_counts_and_ids_stay(archived: tuple[World, str, list[str]]) -> None:
    """Of a snapshot, a run and a model: all 32, also where old counts are kept."""
    world, model, made = archived
    places = Places(ledger=world.ledger, store=world.store)
    snapshot = trace_in(world.ledger, world.store, model).children[1].id
    for _ in range(2):
        for one in (model, snapshot):
            assert trace_in(world.ledger, world.store, one).facts["standing"]["inferences"] == 32
            assert sorted(inferences_on(places, one)) == sorted(made)
        seal(world.ledger, NOW)


def test_a_deleted_one_is_missed_in_words(archived: tuple[World, str, list[str]]) -> None:
    """When it was archived and when retention took it; the count of what was made stays."""
    world, model, made = archived
    expire(world.ledger, world.store, "tiny", NOW, "ann")
    with pytest.raises(
        PulseError, match=r"30 inferences of .* were archived at .* and deleted by retention at"
    ):
        trace_in(world.ledger, world.store, made[-1])
    assert trace_in(world.ledger, world.store, model).facts["standing"]["inferences"] == 32
    places = Places(ledger=world.ledger, store=world.store)
    assert (len(list(inferences_on(places, model))), deleted_on(places, model)) == (2, 30)
    found = audit(Places(ledger=world.ledger, store=world.store))
    assert told(found) == []
    assert found.checked["deleted archives"] == 1


def test_the_audit_reads_archives(archived: tuple[World, str, list[str]]) -> None:
    """Sound ones are counted; a flipped byte, a row that came back, a kept count that lies are named."""
    world, model, _ = archived
    places = Places(ledger=world.ledger, store=world.store)
    seal(world.ledger, NOW + dt.timedelta(days=400))
    whole = audit(places)
    assert (told(whole), whole.checked["inferences"], whole.checked["inference files"]) == ([], 32, 1)

    world.ledger.append(old(30, 100, model)[:1])
    problems = told(audit(places))
    assert any("in the ledger and in archive/tiny/" in one for one in problems)
    assert any("kept count says 2 old inferences, the ledger holds 3" in one for one in problems)

    (file,) = world.ledger.inference_files()
    path = Path(world.store.locate(file.key))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert any(one.kind == "inference file" for one in audit(places).findings)
