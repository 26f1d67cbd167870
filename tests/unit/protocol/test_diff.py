"""What changed between two protocols, and whether those who call the model feel it."""

from __future__ import annotations

import pytest

from pulse_blocks.protocol import loading
from pulse_blocks.protocol.diff import Change, changes

PROTOCOL = """\
pulse: 1
name: p
version: 1.0.0
task: binary-classification
source: {datasource: d, query: select 1, time: at, key: [id]}
features:
  size: {type: float, ge: 0, lt: 10, unit: m}
  count: {type: int, ge: 1, le: 5}
  kind: {type: category, values: [a, b, c]}
  night: {type: bool, nullable: true}
columns:
  id: {type: int}
  note: {type: string, pattern: '^a', max_length: 5}
target: {name: late, type: bool}
output: {probability: {ge: 0, le: 1}}
checks:
  - {name: fits, expr: size < count * 3}
  - {expr: length(note) > 0}
  - {rows: {ge: 10}}
training: {rounds: 10}
"""
MULTI = (
    PROTOCOL.replace("binary", "multiclass")
    .replace("type: bool}\n", "type: category, values: [x, y, z]}\n")
    .replace("bool, nullable", "float, nullable")
)


def compare(old: str, new: str) -> tuple[Change, ...]:
    return changes(loading.loads(old), loading.loads(new))


@pytest.mark.parametrize(
    ("old", "new", "path", "impact"),
    [
        # a feature by itself
        ("size: {type: float, ge: 0", "size: {type: float, ge: 1", "features.size.ge", "breaking"),
        ("size: {type: float, ge: 0", "size: {type: float, ge: -1", "features.size.ge", "compatible"),
        ("size: {type: float, ge: 0", "size: {type: float", "features.size.ge", "compatible"),
        ("size: {type: float, ge: 0", "size: {type: float, gt: 0", "features.size.gt", "breaking"),
        ("lt: 10", "le: 10", "features.size.le", "compatible"),
        ("lt: 10", "lt: 9.5", "features.size.lt", "breaking"),
        ("ge: 1, le: 5", "gt: 0, le: 5", "features.count.gt", "cosmetic"),
        ("ge: 1, le: 5", "ge: 1, lt: 6", "features.count.lt", "cosmetic"),
        ("ge: 1, le: 5", "ge: 1, lt: 5", "features.count.lt", "breaking"),
        ("count: {type: int", "count: {type: float", "features.count.type", "compatible"),
        ("size: {type: float, ge: 0, lt: 10", "size: {type: int, ge: 0, le: 9", "features.size.type", "breaking"),
        ("unit: m", "unit: cm", "features.size.unit", "breaking"),
        (", unit: m", "", "features.size.unit", "cosmetic"),
        ("unit: m", "unit: m, description: How long.", "features.size.description", "cosmetic"),
        ("[a, b, c]", "[a, b, c, d]", "features.kind.values", "compatible"),
        ("[a, b, c]", "[c, b, a]", "features.kind.values", "compatible"),
        ("[a, b, c]", "[a, b, d, e]", "features.kind.values", "breaking"),
        ("bool, nullable: true", "bool", "features.night.nullable", "breaking"),
        ("bool, nullable: true", "bool, nullable: true, private: true", "features.night.private", "compatible"),
        ("values: [a, b, c]", "values: [a, b, c], nullable: true", "features.kind.nullable", "compatible"),
        # features among others
        ("  night: {type: bool, nullable: true}\n", "", "features.night", "breaking"),
        ("columns:", "  more: {type: float, nullable: true}\ncolumns:", "features.more", "compatible"),
        ("columns:", "  more: {type: float}\ncolumns:", "features.more", "breaking"),
        # time, key and the other columns
        ("time: at", "time: then", "source.time.at", "breaking"),
        ("time: at", "time: then", "source.time.then", "compatible"),
        ("key: [id]", "key: [id, note]", "columns.note", "compatible"),
        ("id: {type: int}", "id: {type: string}", "columns.id.type", "breaking"),
        ("id: {type: int}", "id: {type: int, nullable: true}", "columns.id.nullable", "compatible"),
        ("pattern: '^a'", "pattern: '^b'", "columns.note", "compatible"),
        # replies
        ("name: p\n", "name: q\n", "name", "breaking"),
        ("{name: late", "{name: tardy", "target.name", "compatible"),
        ("late, type: bool", "late, type: int", "target.type", "breaking"),
        ("{ge: 0, le: 1}", "{ge: 0, le: 0.9}", "output.probability", "compatible"),
        ("{ge: 0, le: 1}}", "{ge: 0, le: 1}, decision: {threshold: 0.4}}",
         "output.decision.threshold", "compatible"),
        ("output: {probability: {ge: 0, le: 1}}\n", "", "output.probability", "breaking"),
        # checks
        ("size < count * 3", "size < count * 2", "checks[0]", "breaking"),
        ("  - {name: fits, expr: size < count * 3}\n", "", "checks[0]", "compatible"),
        ("name: fits", "name: fitting", "checks[0]", "cosmetic"),
        ("name: fits", "name: fits, severity: warn", "checks[0]", "compatible"),
        ("length(note) > 0", "length(note) > 1", "checks[1]", "compatible"),
        ("{rows: {ge: 10}}", "{rows: {ge: 20}}", "checks[2]", "compatible"),
        ("{rows: {ge: 10}}", "{expr: not night}", "checks[2]", "breaking"),
        # everything else
        ("select 1", "select 2", "source.query", "compatible"),
        ("rounds: 10", "rounds: 11", "training.rounds", "compatible"),
        ("rounds: 10", "params: {num_leaves: 7}", "training.params.num_leaves", "compatible"),
        ("training:", "serving: {queue: 5}\ntraining:", "serving.queue", "compatible"),
        ("training:", "monitoring: {persistence: 3}\ntraining:", "monitoring.persistence", "compatible"),
        ("training:", "on_invalid: {quarantine_up_to: 0.5}\ntraining:", "on_invalid.quarantine_up_to",
         "compatible"),
        ("training:", "retention: {live: 90d}\ntraining:", "retention.live", "compatible"),
        ("training:", "owner: me\ntraining:", "owner", "cosmetic"),
        ("1.0.0", "2.0.0", "version", "cosmetic"),
    ],
)  # fmt: skip
def test_each_change_has_its_place_and_its_impact(old: str, new: str, path: str, impact: str) -> None:
    """Narrower is breaking, wider is compatible, words are cosmetic; each change is at its own path."""
    assert old in PROTOCOL
    found = compare(PROTOCOL, PROTOCOL.replace(old, new, 1))
    assert (path, impact) in [(change.path, change.impact) for change in found]
    assert all(change.reason.endswith(".") for change in found)


def test_the_same_contract_has_no_changes() -> None:
    """Comments, order of keys and spelled-out defaults are no change."""
    spelled = PROTOCOL.replace("rounds: 10", "rounds: 10, algorithm: lightgbm") + "# a comment\n"
    assert compare(PROTOCOL, spelled) == ()


def test_both_ends_of_a_range_are_judged() -> None:
    """One end wider and the other narrower is one compatible and one breaking change."""
    found = compare(PROTOCOL, PROTOCOL.replace("ge: 1, le: 5", "ge: 0, le: 4"))
    assert [(change.path, change.impact) for change in found] == [
        ("features.count.le", "breaking"),
        ("features.count.ge", "compatible"),
    ]


def test_values_are_told_before_and_after_with_a_reason() -> None:
    """Plain data on both sides, defaults included, and the values that are missing now."""
    new = PROTOCOL.replace("[a, b, c]", "[a]").replace("rounds: 10", "seed: 3, rounds: 10")
    first, second = compare(PROTOCOL, new)
    assert (first.old, first.new) == (("a", "b", "c"), ("a",))
    assert first.reason == "It refuses what it took before: b, c."
    assert (second.path, second.old, second.new) == ("training.seed", 0, 3)


def test_another_order_of_features_is_compatible() -> None:
    """Requests name their columns."""
    moved = PROTOCOL.replace("  night: {type: bool, nullable: true}\n", "").replace(
        "features:\n", "features:\n  night: {type: bool, nullable: true}\n"
    )
    (change,) = compare(PROTOCOL, moved)
    assert (change.path, change.impact, change.new[0]) == ("features", "compatible", "night")


def test_a_class_more_breaks_who_reads_replies() -> None:
    """The probabilities of a reply have a key for each class."""
    (change,) = compare(MULTI, MULTI.replace("[x, y, z]", "[x, y, z, w]"))
    assert (change.path, change.impact) == ("target.values", "breaking")


def test_a_column_that_becomes_a_feature_is_asked_for() -> None:
    """What requests never held is new to them; a key that becomes a feature can no longer be left out."""
    found = compare(PROTOCOL, PROTOCOL.replace("columns:\n  id: {type: int}", "  id: {type: int}\ncolumns:"))
    assert ("features.id.nullable", "breaking") in [(change.path, change.impact) for change in found]
