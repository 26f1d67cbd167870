"""A first protocol from rows: it loads, guesses well where that is possible, and marks what a person must decide."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol import loading
from pulse_blocks.protocol.drafting import draft
from pulse_blocks.protocol.spec import FieldSpec, Protocol

ROWS = 200
COLUMNS: dict[str, list[Any]] = {
    "order_id": list(range(1000, 1000 + ROWS)),
    "at": [f"2026-01-{1 + n % 28:02d} 08:{n % 60:02d}:00" for n in range(ROWS)],
    "weight": [n / 4 for n in range(ROWS)],
    "height": [None if n % 10 == 0 else -1.0 - n for n in range(ROWS)],
    "pieces": [n % 5 for n in range(ROWS)],
    "paid": [n % 2 for n in range(ROWS)],
    "carrier": [["AA", "NO", "1", "it's", "x: y"][n % 5] for n in range(ROWS)],
    "seen": [dt.datetime(2026, 1, 1, tzinfo=dt.UTC)] * ROWS,
    "due": [dt.date(2026, 2, 1)] * ROWS,
    "comment": [f"text {n}" for n in range(ROWS)],
    "price": [Decimal(n) / 100 for n in range(ROWS)],
    "nothing": [None] * ROWS,
    "last_seen_at": [1_767_225_600 + n for n in range(ROWS)],
    "late": [n % 7 == 0 for n in range(ROWS)],
}


def drafted(columns: dict[str, list[Any]], query: str = "select 1") -> tuple[str, Protocol]:
    """The text of a draft, and the protocol that it is."""
    text = draft(pa.table(columns), "orders", "shop", query)
    return text, loading.loads(text)


def test_roles_types_ranges_and_values_are_guessed() -> None:
    """Target, time and key by name and values; ranges wider than seen; nulls as seen; the rest beside."""
    text, protocol = drafted(COLUMNS)
    assert (protocol.task, protocol.target.name, protocol.target.type) == (
        "binary-classification",
        "late",
        "bool",
    )
    assert (protocol.source.time, protocol.source.key) == ("at", ("order_id",))
    assert protocol.features == {
        "weight": FieldSpec(type="float", ge=0, le=80),
        "height": FieldSpec(type="float", ge=-300, le=0, nullable=True),
        "pieces": FieldSpec(type="int", ge=0, le=6),
        "paid": FieldSpec(type="bool"),
        "carrier": FieldSpec(type="category", values=("1", "AA", "NO", "it's", "x: y")),
        "price": FieldSpec(type="float", ge=0, le=3),
    }
    assert {name: field.type for name, field in protocol.columns.items()} == {
        "order_id": "int",
        "seen": "timestamp",
        "due": "date",
        "comment": "string",
        "last_seen_at": "timestamp",
    }
    assert protocol.checks[0].unique == ("order_id",)
    assert protocol.training.split.by == "time"
    assert '"nothing" is left out' in text
    assert "seen -200 to -2; null in 10.0%" in text
    assert "0 and 1 in the source" in text
    assert "seconds in the source" in text


def test_every_decision_is_marked() -> None:
    """Description, owner, window, time, key, features, target, gates: each line that needs a person says so."""
    text, _ = drafted(COLUMNS)
    marked = "\n".join(line for line in text.splitlines() if "# DECIDE:" in line)
    for word in ("description", "owner", "window", "time: at", "key:", "known when", "target:", "metric"):
        assert word in marked


def test_a_window_is_what_was_seen() -> None:
    """Where the query takes one, it runs to the day after the last; a query of several lines stays readable."""
    query = "select *\nfrom orders\nwhere at >= :start and at < :end"
    text, protocol = drafted(COLUMNS, query)
    assert protocol.source.window is not None
    assert (protocol.source.window.start, protocol.source.window.end) == ("2026-01-01", "2026-01-29")
    assert protocol.source.query.strip() == query
    assert "    from orders\n" in text


@pytest.mark.parametrize(
    "column",
    [
        pa.array([2**63] * ROWS, pa.uint64()),
        pa.array([10**18] * ROWS, pa.timestamp("us")),
        pa.array([10**14] * ROWS, pa.timestamp("s")),
        pa.array([-(10**14)] * ROWS, pa.timestamp("ms", "UTC")),
        pa.array([2**31 - 1] * ROWS, pa.date32()),
        pa.array([10**18] * ROWS, pa.date64()),
    ],
    ids=lambda column: str(column.type),
)
def test_what_no_protocol_can_hold_is_left_out(column: Any) -> None:
    """Numbers and times too large for any type of the language do not end a draft: it says that they are left out."""
    text, protocol = drafted({**COLUMNS, "beyond": column})
    assert '# "beyond" is left out' in text
    assert "beyond" not in protocol.columns


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1] * ROWS, pa.timestamp("ns")),
        pa.array([0] * ROWS, pa.timestamp("us", "Nowhere/Bad")),
        pa.array([dt.datetime(1, 1, 1)] * ROWS),  # noqa: DTZ001 - stored naive
    ],
    ids=lambda column: str(column.type),
)
def test_times_of_any_unit_and_zone_are_looked_at(column: Any) -> None:
    """A zone that this machine does not know hides no moment: the window is in UTC."""
    columns = {
        name: cells for name, cells in COLUMNS.items() if name not in ("at", "last_seen_at", "seen", "due")
    }
    text, protocol = drafted(
        {**columns, "happened_at": column}, "select * from t where a >= :start and a < :end"
    )
    assert protocol.source.time == "happened_at"
    day = "0001-01-01" if column[0].value < -1 else "1970-01-01"
    assert f"window: {{start: {day}" in text


@pytest.mark.parametrize(
    ("values", "task", "kind"),
    [
        ([n % 2 for n in range(ROWS)], "binary-classification", "bool"),
        ([["no", "yes"][n % 2] for n in range(ROWS)], "binary-classification", "category"),
        ([["a", "b", "c"][n % 3] for n in range(ROWS)], "multiclass-classification", "category"),
        ([n / 3 for n in range(ROWS)], "regression", "float"),
        ([n % 50 for n in range(ROWS)], "regression", "int"),
    ],
)
def test_the_task_follows_the_target(values: list[Any], task: str, kind: str) -> None:
    """Two classes, several, or a number."""
    _, protocol = drafted({"x": [n / 7 for n in range(ROWS)], "target": values})
    assert (protocol.task, protocol.target.type) == (task, kind)


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"x": []}, "draft.empty"),
        ({"x": [1.0, 2.0]}, "draft.no_target"),
        ({"x": ["a", "b"], "y": ["c", "d"]}, "draft.no_target"),
        ({"x": [1.0, 1.0], "y": [None, None]}, "draft.no_target"),
    ],
)
def test_what_no_model_can_be_made_of_is_refused(columns: dict[str, list[Any]], code: str) -> None:
    """One clear reason, with what was seen."""
    with pytest.raises(PulseError) as refusal:
        draft(pa.table(columns), "p", "d", "select 1")
    assert refusal.value.code == code


names = st.text(min_size=1, max_size=6) | st.sampled_from(
    ["null", "y", "a b", "#", "- x", "é: ", "1", "{}", "late"]
)
ODD = st.sampled_from(["null", "#", "'", '"', "\n", "a: b", "\u2028", "\U00018d09"])
cells = st.one_of(
    st.lists(st.none() | st.floats(), min_size=8, max_size=8),
    st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=8, max_size=8),
    st.lists(st.none() | st.booleans(), min_size=8, max_size=8),
    st.lists(st.none() | st.text(max_size=5), min_size=8, max_size=8),
    st.lists(ODD, min_size=2, max_size=2).map(lambda some: some * 4),
    st.lists(st.dates() | st.none(), min_size=8, max_size=8),
    st.lists(st.datetimes(), min_size=8, max_size=8),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(names, cells, max_size=6),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30),
)
def test_whatever_the_rows_a_draft_loads(columns: dict[str, list[Any]], query: str) -> None:
    """Names and values that look like YAML, extreme numbers, odd queries: never a text that is no protocol."""
    table = pa.table({**columns, "feature": [0.5] * 8, "target": [True, False] * 4})
    text = draft(table, "p", "d", f"select {query.replace(':', '')}")
    protocol = loading.loads(text)
    assert protocol.features
