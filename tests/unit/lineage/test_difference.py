"""What differs between two models."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from pulse_blocks import bundle
from pulse_blocks.bundle.files import key_of
from pulse_blocks.errors import PulseError
from pulse_blocks.lineage.difference import Change, difference
from pulse_blocks.lineage.difference_text import render
from pulse_blocks.lineage.node import Places
from pulse_blocks.protocol import loading
from pulse_blocks.snapshots import layout
from pulse_blocks.training.text import parameters_of
from tests import small_data
from tests.lineage_world import World
from tests.tiny_project import PROTOCOL

TEXT = (
    "tree\nversion=v4\n{seed}\n\nparameters:\n[boosting: gbdt]\n[num_leaves: {leaves}]\n\nend of parameters\n"
)


def keep(world: World, rows: int, seed: str, leaves: int, *, protocol: str = PROTOCOL) -> str:
    """A model on real rows, with a text as LightGBM writes it, made under ``protocol``."""
    snapshot = small_data.snapshot_of(
        world.store, small_data.protocol(), {k: v[:rows] for k, v in small_data.columns(40_000).items()}
    )
    text = TEXT.format(seed=seed, leaves=leaves).encode()
    sha256 = hashlib.sha256(text).hexdigest()
    trained = msgspec.structs.replace(
        world.train(snapshot, seed),
        text=f"models/{sha256}.txt",
        text_sha256=sha256,
        metrics={"accuracy": 0.9 if leaves == 31 else 0.8},
    )
    world.store.put(trained.text, text)
    world.protocol = loading.loads(protocol)
    return world.keep(trained, snapshot).model


def places(world: World) -> Places:
    """Where comparisons look."""
    return Places(ledger=world.ledger, store=world.store)


def test_data_protocol_parameters_metrics_and_versions(world: World) -> None:
    """Each difference is named once, with both values; what is the same is not."""
    before = keep(world, 40_000, "a", 7)
    after = keep(world, 39_990, "b", 31, protocol=PROTOCOL.replace("le: 50,", "le: 60,"))
    found = difference(places(world), before, after)
    assert (found.before, found.after, found.same_trees, found.missing) == (before, after, False, ())
    assert found.protocol == (Change(path="features.weight.le", before=50, after=60),)
    assert found.parameters == (Change(path="num_leaves", before="7", after="31"),)
    assert found.metrics == (Change(path="accuracy", before=0.8, after=0.9),)
    assert found.versions == ()
    assert found.snapshot is not None
    assert not found.snapshot.same
    assert found.snapshot.shared_chunks > 0
    assert found.snapshot.shared_rows + found.snapshot.rows_only_before == 40_000
    assert found.snapshot.shared_rows + found.snapshot.rows_only_after == 39_990
    assert Change(path="rows", before=40_000, after=39_990) in found.snapshot.changes
    text = render(found)
    assert "  num_leaves: 7 → 31" in text
    assert "  accuracy: 0.8000 → 0.9000 (+0.1000)" in text
    assert "Versions: the same" in text


def test_a_model_does_not_differ_from_itself(world: World) -> None:
    """Nothing is named."""
    model = keep(world, 500, "a", 7)
    found = difference(places(world), model, model)
    assert found.same_trees
    assert found.snapshot is not None
    assert found.snapshot.same
    assert found.protocol + found.parameters + found.metrics + found.versions == ()
    assert "the same rows" in render(found)


def test_what_cannot_be_compared_is_said(world: World) -> None:
    """Without a manifest and a text the rest is still compared."""
    before, after = keep(world, 500, "a", 7), keep(world, 600, "b", 31)
    (bundle_after,) = bundle.find(world.store, after)
    world.lose(layout.manifest_key(bundle_after.snapshot.id))
    world.lose(bundle_after.text)
    found = difference(places(world), before, after)
    assert found.snapshot is None
    assert found.parameters == ()
    assert len(found.missing) == 2
    assert all(after in one for one in found.missing)
    assert found.metrics
    assert render(found).count("Missing: ") == 2


def test_a_bundle_that_was_changed_is_not_compared(world: World) -> None:
    """Other bytes than those that were stored are a refusal; an unknown model too."""
    model = keep(world, 500, "a", 7)
    forged = world.store.get(key_of(model)).replace(b"0.8", b"0.9")
    world.lose(key_of(model))
    world.store.create(key_of(model), forged)
    with pytest.raises(PulseError) as caught:
        difference(places(world), model, model)
    assert caught.value.code == "bundle.corrupt"
    with pytest.raises(PulseError) as caught:
        difference(places(world), model, "tiny@9")
    assert caught.value.code == "lineage.unknown"


def test_parameters_are_those_of_the_text() -> None:
    """Also where a value holds brackets or nothing."""
    text = b"tree\n[a: 1]\n\nparameters:\n[b: [1,2]]\n[c: ]\n\nend of parameters\n"
    assert parameters_of(text) == {"b": "[1,2]", "c": ""}
