"""The verdict on a snapshot: report, quarantine, refusals."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.progress import Progress, listening
from pulse_blocks.stores import Store, open_store
from pulse_blocks.validation import Report, groups, load_report, quarantined_rows, validate
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


def test_repeating_writes_nothing(store: Store, tmp_path: Path) -> None:
    """The same snapshot and protocol give the same files, byte for byte, untouched."""
    contract = small_data.protocol()
    values = broken(small_data.columns(), "weight", {5: -1.0})
    snapshot = small_data.snapshot_of(store, contract, values)
    first = validate(contract, snapshot, store)
    before = {path: path.stat().st_ino for path in tmp_path.rglob("*") if path.is_file()}
    assert validate(contract, snapshot, store) == first
    assert {path: path.stat().st_ino for path in tmp_path.rglob("*") if path.is_file()} == before


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


def test_fresh_counts_from_the_end_of_the_run(store: Store) -> None:
    """A source that stands still turns stale, though its snapshot is the old one."""
    contract = small_data.protocol(checks=[{"fresh": {"within": "2d"}}])
    snapshot = small_data.snapshot_of(store, contract, small_data.columns())
    assert validate(contract, snapshot, store).quarantined == 0
    with pytest.raises(PulseError, match="may be at most 2d before 2026-03-05"):
        validate(contract, snapshot, store, "2026-03-05T00:00:00Z")
    assert validate(contract, snapshot, store).quarantined == 0


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
