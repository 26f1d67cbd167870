"""When validation refuses a snapshot, and in which words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.stores import Store, open_store
from pulse_blocks.validation import load_report, validate
from tests import small_data


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store"))


def broken(values: dict[str, Any], column: str, changes: dict[int, Any]) -> dict[str, Any]:
    """The values with some of one column replaced."""
    changed = list(values[column])
    for row, value in changes.items():
        changed[row] = value
    return {**values, column: changed}


def test_too_many_broken_rows(store: Store) -> None:
    """Above the allowed share the run is refused: how many of how many, by which rules, and where to look."""
    contract = small_data.protocol()
    values = broken(small_data.columns(), "weight", dict.fromkeys(range(40), -1.0))
    values = broken(values, "stops", dict.fromkeys(range(30, 50), 99))
    snapshot = small_data.snapshot_of(store, contract, values)
    with pytest.raises(PulseError) as refusal:
        validate(contract, snapshot, store)
    assert refusal.value.code == "validation.failed"
    assert refusal.value.message == (
        "50 of 1,000 rows (5.00%) break a rule, more than the 10 that may go to quarantine. "
        "Most broken: weight ge 0 (40), stops lt 20 (20)."
    )
    report = refusal.value.hint.removeprefix("The report: ").removesuffix(".") if refusal.value.hint else ""
    assert Path(report).is_file()
    assert (Path(report).parent / "quarantine.parquet").is_file()


@pytest.mark.parametrize(
    ("check", "sentence"),
    [
        ({"rows": {"ge": 2000}}, "The snapshot has 1,000 rows; the protocol asks for at least 2,000."),
        ({"rows": {"le": 999}}, "The snapshot has 1,000 rows; the protocol asks for at most 999."),
        ({"fresh": {"within": "1s"}}, "it may be at most 1s before 2026-03-01T00:00:00Z."),
    ],
)
def test_table_check_fails(store: Store, check: dict[str, Any], sentence: str) -> None:
    """A failed check on the table is a refusal in one sentence with the value found."""
    contract = small_data.protocol(checks=[check])
    snapshot = small_data.snapshot_of(store, contract, small_data.columns())
    with pytest.raises(PulseError) as refusal:
        validate(contract, snapshot, store)
    assert refusal.value.code == "validation.failed"
    assert sentence in refusal.value.message


def test_target_with_nulls(store: Store) -> None:
    """A null in the target is named as such, whatever share may go to quarantine."""
    contract = small_data.protocol()
    values = broken(small_data.columns(), "late", {1: None, 2: None})
    snapshot = small_data.snapshot_of(store, contract, values)
    with pytest.raises(PulseError, match=r"The target late is null in 2 of 1,000 rows") as refusal:
        validate(contract, snapshot, store)
    assert refusal.value.code == "validation.target"


def test_target_with_one_class(store: Store) -> None:
    """One class over the accepted rows cannot be learned from; a quarantined row does not count."""
    contract = small_data.protocol()
    values = {**small_data.columns(), "late": np.zeros(1000, bool)}
    values = broken(broken(values, "late", {4: True}), "weight", {4: -1.0})
    snapshot = small_data.snapshot_of(store, contract, values)
    with pytest.raises(PulseError, match=r"single class \(false\) in all 999 accepted rows") as refusal:
        validate(contract, snapshot, store)
    assert refusal.value.code == "validation.target"


def test_snapshot_of_other_columns(store: Store) -> None:
    """A snapshot that lacks a column, or holds it as another type, is refused by the column's name."""
    snapshot = small_data.snapshot_of(store, small_data.protocol(), small_data.columns())
    other = small_data.protocol(features={"weight": {"type": "int"}, "height": {"type": "float"}})
    with pytest.raises(PulseError, match="weight, height") as refusal:
        validate(other, snapshot, store)
    assert refusal.value.code == "validation.columns"


def test_changed_chunk(store: Store, tmp_path: Path) -> None:
    """A chunk with one wrong byte is an error that names it, never a verdict."""
    contract = small_data.protocol()
    snapshot = small_data.snapshot_of(store, contract, small_data.columns())
    (path,) = (tmp_path / "store" / "chunks").rglob("*.parquet")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(PulseError, match=snapshot.chunks[0].sha256[:12]) as refusal:
        validate(contract, snapshot, store)
    assert refusal.value.code == "snapshot.chunk_corrupt"


def test_allowed_share_is_decimal(store: Store) -> None:
    """A share of 0.29 of 100 rows is 29 rows, not 28, and exactly that many may be broken."""
    contract = small_data.protocol(on_invalid={"quarantine_up_to": 0.29})
    values = broken(small_data.columns(100), "weight", dict.fromkeys(range(29), -1.0))
    verdict = validate(contract, small_data.snapshot_of(store, contract, values), store)
    assert (verdict.quarantined, load_report(store, verdict).allowed) == (29, 29)


def test_nothing_left(store: Store) -> None:
    """Where every row is broken there is nothing to train on, whatever share is allowed."""
    contract = small_data.protocol(on_invalid={"quarantine_up_to": 1})
    values = {**small_data.columns(100), "weight": np.full(100, -1.0)}
    snapshot = small_data.snapshot_of(store, contract, values)
    with pytest.raises(
        PulseError, match=r"100 of 100 rows \(100.00%\) break a rule\. Most broken: weight ge 0"
    ):
        validate(contract, snapshot, store)
