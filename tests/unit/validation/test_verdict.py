"""The verdict on a snapshot: report, quarantine, refusals."""

from __future__ import annotations

import html
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.progress import Progress, listening
from pulse_blocks.snapshots.reading import tables
from pulse_blocks.stores import Store, open_store
from pulse_blocks.validation import Report, groups, load_report, quarantined_rows, validate
from pulse_blocks.validation import broken as broken_rows
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


def rules_hit(report: Report) -> dict[tuple[str, str], int]:
    return {(rule.column, rule.check): rule.rows for rule in report.broken}


def test_sound_rows_pass(store: Store) -> None:
    """Rows that meet the protocol leave a report without findings and no quarantine."""
    contract = small_data.protocol(checks=[{"unique": ["parcel"]}, {"rows": {"ge": 10}}])
    snapshot = small_data.snapshot_of(store, contract, small_data.columns())
    verdict = validate(contract, snapshot, store)
    report = load_report(store, verdict)
    assert verdict.quarantine is None
    assert (verdict.rows, verdict.quarantined, verdict.warnings) == (1000, 0, 0)
    assert report.broken == ()
    assert [check.passed for check in report.checks] == [True]
    assert quarantined_rows(store, verdict).size == 0


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("weight", -0.5, "ge 0"),
        ("weight", 50.5, "le 50"),
        ("weight", None, "not null"),
        ("weight", float("nan"), "not null"),
        ("distance", float("inf"), "finite"),
        ("carrier", "boat", "values"),
        ("zone", 4, "values"),
        ("stops", -1, "gt -1"),
        ("stops", 20, "lt 20"),
        ("label", "de1", "pattern ^[A-Z]{2}[0-9]+$"),
        ("label", "DE1\n", "pattern ^[A-Z]{2}[0-9]+$"),
        ("label", "DE123456789", "max_length 10"),
        ("parcel", None, "not null"),
        ("sent", None, "not null"),
    ],
)
def test_each_rule_finds_its_row(store: Store, column: str, value: Any, rule: str) -> None:
    """Every rule that a column declares finds exactly the row that breaks it, with its number."""
    contract = small_data.protocol()
    values = broken(small_data.columns(), column, {17: value})
    verdict = validate(contract, small_data.snapshot_of(store, contract, values), store)
    report = load_report(store, verdict)
    assert rules_hit(report) == {(column, rule): 1}
    page = store.get(verdict.report.replace("report.json", "report.html")).decode()
    assert f"<code>{html.escape(rule)}</code>" in page
    (found,) = report.broken
    assert found.examples[0].row == 17
    assert quarantined_rows(store, verdict).tolist() == [17]


@pytest.mark.parametrize("column", ["distance", "label", "arrived", "zone", "day"])
def test_null_passes_where_allowed(store: Store, column: str) -> None:
    """A null in a nullable column breaks none of its other rules."""
    contract = small_data.protocol()
    values = broken(small_data.columns(), column, {3: None})
    assert validate(contract, small_data.snapshot_of(store, contract, values), store).quarantined == 0


def test_all_failures_at_once(store: Store) -> None:
    """Failures of several rules, in one row and in several, are all reported, and the row once quarantined."""
    contract = small_data.protocol()
    values = broken(small_data.columns(), "weight", {5: -1.0, 6: 99.0})
    values = broken(broken(values, "stops", {5: 30}), "label", {5: "much too long"})
    verdict = validate(contract, small_data.snapshot_of(store, contract, values), store)
    assert rules_hit(load_report(store, verdict)) == {
        ("weight", "ge 0"): 1,
        ("weight", "le 50"): 1,
        ("stops", "lt 20"): 1,
        ("label", "pattern ^[A-Z]{2}[0-9]+$"): 1,
        ("label", "max_length 10"): 1,
    }
    assert verdict.quarantine is not None
    rows = pq.read_table(io.BytesIO(store.get(verdict.quarantine))).to_pylist()
    assert [row["pulse_row"] for row in rows] == [5, 6]
    assert rows[0]["pulse_rules"].split("; ") == [
        "weight: ge 0",
        "stops: lt 20",
        "label: pattern ^[A-Z]{2}[0-9]+$",
        "label: max_length 10",
    ]
    assert rows[0]["parcel"] == "p0000005"
    assert rows[0]["weight"] == -1.0


@pytest.mark.parametrize("kept", [0, 2, 1000])
def test_quarantine_holds_rows_as_stored(store: Store, monkeypatch: pytest.MonkeyPatch, kept: int) -> None:
    """Quarantined rows are those of the snapshot, in its order, whether kept from the pass or read again."""
    monkeypatch.setattr(groups, "GROUP_ROWS", 1)
    monkeypatch.setattr(broken_rows, "MOST_KEPT", kept)
    contract = small_data.protocol(checks=[{"unique": ["parcel"]}])
    values = broken(small_data.columns(30_000), "weight", {5: -1.0, 29_500: 99.0})
    values = broken(broken(values, "parcel", {20_000: "p0000003"}), "distance", {20_000: None})
    snapshot = small_data.snapshot_of(store, contract, values)
    verdict = validate(contract, snapshot, store)
    assert verdict.quarantine is not None
    rows = pq.read_table(io.BytesIO(store.get(verdict.quarantine)))
    numbers = rows.column("pulse_row").to_pylist()
    stored = pa.concat_tables(list(tables(store, snapshot, rows.column_names[2:])))
    assert numbers == quarantined_rows(store, verdict).tolist()
    assert sorted(rows.column("weight").to_pylist())[::2] == [-1.0, 99.0]
    assert rows.drop_columns(["pulse_row", "pulse_rules"]).to_pylist() == stored.take(numbers).to_pylist()


def test_repeating_writes_nothing(store: Store, tmp_path: Path) -> None:
    """The same snapshot and protocol give the same files, byte for byte, untouched."""
    contract = small_data.protocol()
    values = broken(small_data.columns(), "weight", {5: -1.0})
    snapshot = small_data.snapshot_of(store, contract, values)
    first = validate(contract, snapshot, store)
    before = {path: path.stat().st_ino for path in tmp_path.rglob("*") if path.is_file()}
    assert validate(contract, snapshot, store) == first
    assert {path: path.stat().st_ino for path in tmp_path.rglob("*") if path.is_file()} == before


def test_unique_across_groups(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of rows with the same key all but the first are broken, however far apart; nulls equal nothing."""
    monkeypatch.setattr(groups, "GROUP_ROWS", 1)
    contract = small_data.protocol(checks=[{"unique": ["parcel", "zone"]}])
    values = small_data.columns(30_000)
    values = broken(
        broken(values, "parcel", {29_000: "p0000001", 15_000: "p0000001"}),
        "zone",
        {1: 1, 15_000: 1, 29_000: 1},
    )
    values = broken(broken(values, "parcel", {7: "p0000009"}), "zone", {7: None, 9: None})
    snapshot = small_data.snapshot_of(store, contract, values)
    assert len(snapshot.chunks) > 1
    verdict = validate(contract, snapshot, store)
    assert quarantined_rows(store, verdict).tolist() == [15_000, 29_000]
    (rule,) = load_report(store, verdict).broken
    assert (rule.column, rule.check, rule.rows) == ("parcel, zone", "unique", 2)
    assert rule.examples[0].value == "parcel=p0000001, zone=1"


def test_expression(store: Store) -> None:
    """A row breaks an expression where it is false; where it is null it passes, as in SQL."""
    check = {"name": "arrives-later", "expr": "arrived >= sent"}
    contract = small_data.protocol(checks=[check])
    values = small_data.columns()
    values = broken(values, "arrived", {2: int(values["sent"][2]) - 1, 3: None})
    verdict = validate(contract, small_data.snapshot_of(store, contract, values), store)
    assert quarantined_rows(store, verdict).tolist() == [2]
    (rule,) = load_report(store, verdict).broken
    assert (rule.check, rule.rows) == ("arrives-later", 1)


def test_expression_that_cannot_be_evaluated(store: Store) -> None:
    """An expression over an unknown column is a clear error, not a pass."""
    contract = small_data.protocol(checks=[{"name": "odd", "expr": "nowhere > 1"}])
    snapshot = small_data.snapshot_of(store, contract, small_data.columns())
    with pytest.raises(PulseError, match="The check odd cannot be evaluated") as refusal:
        validate(contract, snapshot, store)
    assert refusal.value.code == "validation.check"


def test_warning_keeps_rows(store: Store) -> None:
    """A rule of severity warn is counted and its rows stay."""
    contract = small_data.protocol(
        checks=[{"expr": "weight < 10", "severity": "warn"}, {"rows": {"le": 5}, "severity": "warn"}]
    )
    verdict = validate(contract, small_data.snapshot_of(store, contract, small_data.columns()), store)
    assert (verdict.quarantined, verdict.warnings) == (0, 2)


def test_fresh_counts_from_the_end_of_the_run(store: Store) -> None:
    """A source that stands still turns stale, though its snapshot is the old one."""
    contract = small_data.protocol(checks=[{"fresh": {"within": "2d"}}])
    snapshot = small_data.snapshot_of(store, contract, small_data.columns())
    assert validate(contract, snapshot, store).quarantined == 0
    with pytest.raises(PulseError, match="may be at most 2d before 2026-03-05"):
        validate(contract, snapshot, store, "2026-03-05T00:00:00Z")
    assert validate(contract, snapshot, store).quarantined == 0


def test_pandera_switched_off_outside(store: Store) -> None:
    """Neither Pandera's switch nor its depth, set elsewhere, lets a broken row through."""
    from pandera.config import ValidationDepth, config_context

    contract = small_data.protocol()
    snapshot = small_data.snapshot_of(store, contract, broken(small_data.columns(), "weight", {5: -1.0}))
    with config_context(validation_enabled=False, validation_depth=ValidationDepth.SCHEMA_ONLY):
        assert validate(contract, snapshot, store).quarantined == 1


def test_progress(store: Store) -> None:
    """Progress ends at the number of rows."""
    contract = small_data.protocol()
    snapshot = small_data.snapshot_of(store, contract, small_data.columns())
    seen: list[Progress] = []
    with listening(seen.append):
        validate(contract, snapshot, store)
    assert (seen[-1].stage, seen[-1].done, seen[-1].total) == ("validate", 1000, 1000)
