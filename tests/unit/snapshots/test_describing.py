"""Profile and sample are the same whether they are gathered when chunks are written or when they are verified."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulse_blocks.errors import PulseError
from pulse_blocks.records import as_dict
from pulse_blocks.snapshots import describing, layout
from pulse_blocks.snapshots.borders import splitmix64
from pulse_blocks.snapshots.commit import commit
from pulse_blocks.snapshots.describing import Description
from pulse_blocks.snapshots.digest import digest, one_batch
from pulse_blocks.snapshots.reading import load, load_profile, load_sample
from pulse_blocks.snapshots.sampling import Numbers, Sample
from pulse_blocks.stores import Store, open_store
from pulse_blocks.stores.disk import DiskStore

from .conftest import COLUMNS, flip, raw_batch

Prepare = Callable[[Store], Description | None]


def _facts(store: Store, description: Description | None) -> dict[str, Any]:
    """All that a snapshot says of its rows; sketches, which are never twice the same, by what they were given."""
    snapshot = load(store, commit(store, raw_batch(store, description=description), description).id)
    profile = as_dict(load_profile(store, snapshot))
    for column in profile["columns"].values():
        column.pop("sketch")
    return {
        "manifest": msgspec.structs.replace(snapshot, created="", profile_sha256=""),
        "profile": hashlib.sha256(msgspec.json.encode(profile)).hexdigest(),
        "sample": digest(one_batch(load_sample(store, snapshot))),
    }


def _nothing_before(_store: Store) -> Description:
    return Description(COLUMNS)


def _some_before(store: Store) -> Description:
    raw = raw_batch(store)
    for chunk in raw.chunks[::2]:
        store.delete(layout.chunk_key(chunk.sha256))
    return Description(COLUMNS)


def _all_before(store: Store) -> Description:
    raw_batch(store)
    return Description(COLUMNS)


@pytest.mark.parametrize("prepare", [lambda _: None, _nothing_before, _some_before, _all_before])
def test_the_same_whenever_rows_are_described(store: Store, prepare: Prepare) -> None:
    """Whatever ingest has described, and whatever was left for the commit, the facts are those of a commit alone: the
    figures are of the code that knew no other way.
    """
    facts = _facts(store, prepare(store))
    assert facts["manifest"].id == "snap_4ef55f486d43"
    assert (
        facts["manifest"].sample_sha256 == "d89f42d13370432684fa472960dedca1935f451bb47ed487fe9e28df9c245f8a"
    )
    assert (facts["profile"], facts["sample"]) == (
        "7ca59d307899a308770fb54e8185352021aca42c65452d1854f99765b589cc85",
        "3b53bf9f82e1a16ccd4ca5356ae9626f100e06f01747acd47d78e1d80ca3230c",
    )


def test_described_while_written(store: Store) -> None:
    """What is new in the store, and nothing else: where nothing is new there is a snapshot that says it already."""
    raw = raw_batch(store)
    store.delete(layout.chunk_key(raw.chunks[1].sha256))
    description = Description(COLUMNS)
    raw_batch(store, description=description)
    numbers = Numbers()
    found = [description.has(numbers.pick(chunk.rows)) for chunk in raw.chunks]
    assert found == [number == 1 for number in range(len(raw.chunks))]


@pytest.mark.parametrize("damage", [DiskStore.delete, flip])
def test_described_is_not_verified(store: Store, damage: Callable[[Store, str], None]) -> None:
    """A chunk that was described when it was written is read back all the same: what was damaged since is named."""
    description = Description(COLUMNS)
    raw = raw_batch(store, description=description)
    damage(store, layout.chunk_key(raw.chunks[1].sha256))
    with pytest.raises(PulseError, match=raw.chunks[1].sha256):
        commit(store, raw, description)
    assert not list(store.keys(layout.SNAPSHOTS))


def test_kept_for_its_own_rows_once(store: Store, tmp_path: Path) -> None:
    """A description goes to the ingest that it is of, once; any other one, or one of other types, begins anew."""
    description = Description(COLUMNS)
    raw, other = raw_batch(store, description=description), raw_batch(open_store(str(tmp_path / "other")), 10)
    describing.keep(raw.content, description)
    assert describing.kept(other) is not description
    assert describing.kept(raw) is description
    assert describing.kept(raw) is not description
    describing.keep(raw.content, description)
    renamed = (msgspec.structs.replace(COLUMNS[0], type="category"), *COLUMNS[1:])
    assert describing.kept(msgspec.structs.replace(raw, columns=renamed)).columns == renamed


@settings(deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=40), st.integers(1, 50), st.randoms())
def test_sample(chunks: list[int], most: int, chance: Any) -> None:
    """The rows whose numbers have the smallest hashes, in their order, in whatever order the chunks come."""
    numbers, sample, parts = Numbers(most), Sample(most), []
    for rows in chunks:
        picked = numbers.pick(rows)
        parts.append(picked.positions + picked.first)
    chance.shuffle(parts)
    for part in parts:
        sample.add(part, pa.table({"number": part}))
    hashes = splitmix64(np.arange(sum(chunks), dtype=np.uint64))
    assert sample.rows().column("number").to_pylist() == sorted(np.argsort(hashes)[:most])
