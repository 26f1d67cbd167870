"""What differs between two snapshots, against a plain comparison of their rows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pulse_blocks.records import Snapshot
from pulse_blocks.snapshots import fingerprints, layout
from pulse_blocks.snapshots.diff import EXAMPLES, diff
from pulse_blocks.stores import Store, open_store
from tests.small_data import columns, protocol, snapshot_of

Values = dict[str, Any]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return open_store(str(tmp_path / "store"))


def taken(values: Values, wanted: np.ndarray) -> Values:
    """Some of the rows."""
    return {name: column[wanted] for name, column in values.items()}


def edited(values: Values, row: int, name: str, value: object) -> Values:
    """The same rows with one cell changed."""
    copy = {**values, name: values[name].astype(object)}
    copy[name][row] = value
    return copy


def test_rows_added_removed_and_changed_are_counted_and_shown(store: Store) -> None:
    """By key, whatever their place: a row whose time moved is changed, not gone and new."""
    rows = columns(1000)
    before = snapshot_of(store, protocol(), taken(rows, np.arange(0, 995)))
    later = edited(rows, 500, "weight", 49.0)
    later = edited(later, 501, "distance", None)
    moved = later["sent"].copy()
    moved[990] = moved[999]
    order = np.argsort(moved, kind="stable")
    after = snapshot_of(store, protocol(), taken(taken({**later, "sent": moved}, order), np.arange(10, 1000)))
    found = diff(store, before, after)
    assert (found.added, found.removed, found.changed) == (5, 10, 3)
    assert found.key == ("parcel",)
    assert found.schema == ()
    keys = [example.key["parcel"] for example in found.examples["removed"]]
    assert keys == [f"p{number:07d}" for number in range(EXAMPLES)]
    assert [example.key["parcel"] for example in found.examples["changed"]] == [
        "p0000500",
        "p0000501",
        "p0000990",
    ]
    first = found.examples["changed"][0]
    assert first.before == {"weight": rows["weight"][500]}
    assert first.after == {"weight": 49.0}
    assert found.examples["added"][0].before is None


def test_a_snapshot_does_not_differ_from_itself(store: Store) -> None:
    """No chunk is read."""
    one = snapshot_of(store, protocol(), columns())
    store.delete(layout.chunk_key(one.chunks[0].sha256))
    found = diff(store, one, one)
    assert (found.added, found.removed, found.changed, found.read) == (0, 0, 0, 0)


def test_shared_chunks_are_not_read(store: Store) -> None:
    """Where rows are appended the chunks before them may even be gone."""
    rows = columns(60_000)
    before = snapshot_of(store, protocol(), taken(rows, np.arange(59_000)))
    after = snapshot_of(store, protocol(), rows)
    shared = {chunk.sha256 for chunk in before.chunks} & {chunk.sha256 for chunk in after.chunks}
    assert shared
    for sha256 in shared:
        store.delete(layout.chunk_key(sha256))
    found = diff(store, before, after)
    assert (found.added, found.removed, found.changed) == (1000, 0, 0)
    assert found.shared == len(shared)


def test_null_is_not_zero(store: Store) -> None:
    """Nor is it false or the empty text."""
    rows = edited(edited(columns(100), 1, "distance", None), 2, "label", None)
    other = edited(edited(rows, 1, "distance", 0.0), 2, "label", "")
    found = diff(store, snapshot_of(store, protocol(), rows), snapshot_of(store, protocol(), other))
    assert found.changed == 2


def test_columns_that_come_go_or_change_their_type_are_told(store: Store) -> None:
    """The rows are compared by what both have."""
    rows = columns(100)
    plain = protocol()
    fields: dict[str, Any] = {
        "label": {"type": "string", "nullable": True},
        "arrived": {"type": "timestamp", "nullable": True},
        "zone": {"type": "int", "nullable": True},
    }
    found = diff(store, snapshot_of(store, plain, rows), snapshot_of(store, protocol(columns=fields), rows))
    assert (found.added, found.removed, found.changed) == (0, 0, 0)
    assert [(one.column, one.before, one.after) for one in found.schema] == [
        ("zone", "category, nullable", "int, nullable"),
        ("day", "date, nullable", None),
    ]


def test_without_a_key_rows_come_and_go(store: Store) -> None:
    """Equal rows are counted, each one."""
    source = {"datasource": "parcels", "query": "select * from parcels"}
    contract = protocol(source=source)
    # Neither time nor key is a column now.
    rows = {name: value for name, value in columns(100).items() if name not in ("sent", "parcel")}
    twice = taken(rows, np.array([*range(100), 5, 5]))
    found = diff(store, snapshot_of(store, contract, rows, None), snapshot_of(store, contract, twice, None))
    assert (found.key, found.added, found.removed, found.changed) == ((), 2, 0, 0)


def test_without_a_column_in_common_all_rows_come_and_go(store: Store) -> None:
    """There is nothing by which a row of the one could be a row of the other."""
    source = {"datasource": "parcels", "query": "select * from parcels"}
    rows = columns(101)
    snapshots = []
    for kept, target, count in (("weight", "late", 101), ("distance", "express", 50)):
        contract = protocol(
            source=source,
            features={kept: {"type": "float"}},
            columns={},
            target={"name": target, "type": "bool"},
        )
        values = {kept: rows[kept][:count], target: rows[target][:count]}
        snapshots.append(snapshot_of(store, contract, values, None))
    found = diff(store, *snapshots)
    assert (found.added, found.removed, found.changed) == (50, 101, 0)
    assert len(found.schema) == 4


def test_keys_of_one_64_bit_hash_are_told_apart(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Among billions of keys there are such pairs: 128 bits tell them apart."""
    rows = columns(100)
    before = snapshot_of(store, protocol(), taken(rows, np.arange(0, 90)))
    after = snapshot_of(store, protocol(), taken(rows, np.arange(10, 100)))
    monkeypatch.setattr("xxhash.xxh3_64_intdigest", lambda _: 7)
    found = diff(store, before, after)
    assert (found.added, found.removed, found.changed) == (10, 10, 0)


def test_any_two_snapshots_against_a_plain_comparison(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random edits, parted into many files: the counts are those of a dictionary's."""
    monkeypatch.setattr(fingerprints, "_PART_ROWS", 100)
    draw = np.random.default_rng(5)
    for _ in range(10):
        rows = columns(400)
        old = taken(rows, draw.random(400) < 0.9)
        new = taken(rows, draw.random(400) < 0.9)
        new["stops"] = np.where(draw.random(len(new["stops"])) < 0.1, 19 - new["stops"], new["stops"])
        before, after = snapshot_of(store, protocol(), old), snapshot_of(store, protocol(), new)
        found = diff(store, before, after)
        assert counts(found) == expected(old, new)
        back = diff(store, after, before)
        assert (back.added, back.removed, back.changed) == (found.removed, found.added, found.changed)


def counts(found: Any) -> Counter[str]:
    """The numbers of a comparison."""
    return Counter(added=found.added, removed=found.removed, changed=found.changed)


def expected(old: Values, new: Values) -> Counter[str]:
    """The same by a dictionary."""
    before = dict(zip(old["parcel"], old["stops"], strict=True))
    after = dict(zip(new["parcel"], new["stops"], strict=True))
    return Counter(
        added=len(set(after) - set(before)),
        removed=len(set(before) - set(after)),
        changed=sum(before[key] != after[key] for key in set(before) & set(after)),
    )


def test_the_manifest_names_the_key(store: Store) -> None:
    """So that a comparison needs no protocol."""
    taken_: Snapshot = snapshot_of(store, protocol(), columns(10))
    assert taken_.key == ("parcel",)
