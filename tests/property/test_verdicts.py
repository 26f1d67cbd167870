"""The same verdict on the same columns: Pandera on data, the decoder on requests.

250 protocols of 40 rows each are 10,000 pairs. Each row goes as it is into a snapshot's columns (canonical types,
NaN as null, as groups of rows are read) and as JSON into the decoder. Where JSON or the columns cannot hold a value
the two must differ: those cases are pinned below, one by one.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pulse_blocks.protocol import requests
from pulse_blocks.protocol.spec import FieldSpec, Protocol, SourceSpec, TargetSpec, TrainingSpec
from pulse_blocks.validation.scan import broken_rows
from pulse_blocks.validation.schema import frame_schema

PROTOCOLS, ROWS = 250, 40
NUMBERS: list[float] = [
    0.0, -0.0, 1.0, -1.0, 0.1, 5e-324, -5e-324, 1.7e308, -1.7e308, 2.0**53, 2.0**53 + 2, math.nan, math.inf, -math.inf,
]  # fmt: skip
INTEGERS = [0, 1, -1, 5, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)]
TEXTS = [
    "", "a", "A", "AA", "aA", "a\n", "\n", " a", "ü", "u\u0308", "ß", "😀", "\u202e", "é" * 3, "\uff21", "0", "\u0663",
    "true", "null", "NaN", "a" * 40,
]  # fmt: skip
PATTERNS = [
    "^[A-Z]+$", "^a", "a$", "^.$", r"^\w+$", r"^\d+$", "^[^a]*$", "ü|ß", "^$", "(?i)^a+$", r"\bA", "^.{2,3}$", r"^\s",
]  # fmt: skip
UTC, EAST = dt.UTC, dt.timezone(dt.timedelta(hours=5, minutes=30))
TIMES = [
    dt.datetime(2013, 1, 1, tzinfo=UTC),
    dt.datetime(2013, 1, 1, 5, 30, tzinfo=EAST),
    dt.datetime(1, 1, 2, tzinfo=UTC),
    dt.datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
]
DATES = [dt.date(2013, 1, 1), dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(2012, 2, 29)]
TYPES: dict[str, Any] = {
    "float": pl.Float64, "int": pl.Int64, "bool": pl.Boolean, "string": pl.String,
    "timestamp": pl.Datetime("us", "UTC"), "date": pl.Date,
}  # fmt: skip

floats = st.sampled_from(NUMBERS) | st.floats(-3, 3) | st.floats()
integers = st.sampled_from(INTEGERS) | st.integers(-6, 6) | st.integers(-(2**63), 2**63 - 1)
texts = st.sampled_from(TEXTS) | st.text(max_size=4)
finite = floats.filter(math.isfinite)


@st.composite
def ranges(draw: st.DrawFn, numbers: st.SearchStrategy[Any]) -> dict[str, Any]:
    """Bounds at one, both or no end, with or without the end itself; something lies between them."""
    low, high = sorted((draw(numbers), draw(numbers)))
    lower = draw(st.sampled_from([None, "ge", "gt"])) if low < high else None
    upper = draw(st.sampled_from([None, "le", "lt"])) if low < high else None
    return {name: bound for name, bound in ((lower, low), (upper, high)) if name}


@st.composite
def fields(draw: st.DrawFn) -> FieldSpec:
    """A column of any type with rules that a protocol may have."""
    kind = draw(
        st.sampled_from(["float", "float", "int", "int", "bool", "category", "string", "timestamp", "date"])
    )
    rules: dict[str, Any] = {}
    if kind in ("float", "int"):
        rules = draw(ranges(finite | integers if kind == "float" else integers))
    elif kind == "category":
        rules["values"] = tuple(draw(st.lists(draw(st.sampled_from([texts, integers])), min_size=1, max_size=6,
                                              unique_by=lambda value: (type(value), value))))  # fmt: skip
    elif kind == "string":
        lengths = sorted((draw(st.integers(0, 3)), draw(st.integers(0, 4))))
        rules = draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "pattern": st.sampled_from(PATTERNS),
                    "min_length": st.just(lengths[0]),
                    "max_length": st.just(lengths[1]),
                },
            )
        )
    return FieldSpec(type=kind, nullable=draw(st.booleans()), **rules)


@st.composite
def protocols(draw: st.DrawFn) -> Protocol:
    """A protocol with features of all types; strings and times are beside them as its key, which may be null."""
    columns = draw(st.lists(fields(), min_size=2, max_size=5))
    features = {
        f"f{n}": field for n, field in enumerate(columns) if field.type not in ("string", "timestamp", "date")
    }
    others = {
        f"c{n}": field for n, field in enumerate(columns) if field.type in ("string", "timestamp", "date")
    }
    return Protocol(
        pulse=1, name="p", version="1.0.0", task="regression",
        source=SourceSpec(datasource="d", query="q", key=tuple(others)),
        features=features or {"x": FieldSpec(type="float")},
        columns=others,
        target=TargetSpec(name="y", type="float"),
        training=TrainingSpec(),
    )  # fmt: skip


def values(field: FieldSpec) -> st.SearchStrategy[Any]:
    """Values that a column of this type can hold, near its bounds and far from them, and null."""
    known = {"float": floats, "int": integers, "bool": st.booleans(), "string": texts,
             "timestamp": st.sampled_from(TIMES), "date": st.sampled_from(DATES)}  # fmt: skip
    if field.type == "category":
        of_values = st.sampled_from(field.values or ())
        others = texts if isinstance((field.values or ("",))[0], str) else integers
        return seldom_null(of_values | of_values | of_values | others)
    near = [bound for bound in (field.ge, field.gt, field.le, field.lt) if bound is not None]
    strategy: st.SearchStrategy[Any] = known[field.type]
    if near and field.type == "float":
        around = [
            step
            for bound in near
            for step in (float(bound), math.nextafter(bound, math.inf), math.nextafter(bound, -math.inf))
        ]
        strategy |= st.sampled_from(around)
    if near and field.type == "int":
        around = [min(max(int(bound) + step, -(2**63)), 2**63 - 1) for bound in near for step in (-1, 0, 1)]
        strategy |= st.sampled_from(around)
    return seldom_null(strategy)


def seldom_null(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """One value in nine is null: rows without any must be common."""
    return st.integers(0, 8).flatmap(lambda number: strategy if number else st.none())


def by_pandera(protocol: Protocol, rows: list[dict[str, Any]]) -> list[set[str]]:
    """For each row the columns that break a rule."""
    fields = {column.name: column.field for column in requests.request_columns(protocol)}
    schema = {
        name: (pl.Int64 if isinstance((field.values or ("",))[0], int) else pl.String) if field.type == "category"
        else TYPES[field.type]
        for name, field in fields.items()
    }  # fmt: skip
    frame = pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        pl.col(pl.Float64).fill_nan(None), y=pl.lit(0.0)
    )
    bad: list[set[str]] = [set() for _ in rows]
    for (name, rule), positions in broken_rows(frame_schema(protocol), frame):
        # In the data a key may be declared not null; a request may always leave it out.
        if name in protocol.source.key and rule == "not null":
            continue
        for position in positions:
            bad[int(position)].add(name)
    return bad


def as_json(row: dict[str, Any]) -> bytes:
    """A row as a client would send it: JSON has neither NaN nor infinity, NaN is null as everywhere in Pulse."""
    plain = {name: None if isinstance(v, float) and math.isnan(v) else v for name, v in row.items()}
    text = msgspec.json.encode({name: v for name, v in plain.items() if v not in (math.inf, -math.inf)})
    # Where a number is infinite: the only way to write it is a literal beyond the range of floats.
    for name, v in plain.items():
        if v in (math.inf, -math.inf):
            literal = b"1e999" if v == math.inf else b"-1e999"
            text = (
                text[:-1]
                + (b"," if len(text) > 2 else b"")
                + msgspec.json.encode(name)
                + b":"
                + literal
                + b"}"
            )
    return text


def by_decoder(protocol: Protocol, rows: list[dict[str, Any]]) -> list[set[str]]:
    """For each row the fields that the runtime names, in the refusal of what its decoder does not take."""
    decode = msgspec.json.Decoder(requests.request_type(protocol)).decode

    def refused(row: dict[str, Any]) -> set[str]:
        body = as_json(row)
        try:
            decode(body)
        except msgspec.DecodeError:
            # Where a number is infinite the body is no JSON, and nothing else in it is named.
            infinite = {name for name, value in row.items() if value in (math.inf, -math.inf)}
            return infinite or {
                problem.path for problem in requests.problems(protocol, msgspec.json.decode(body))
            }
        return set()

    return [refused(row) for row in rows]


@settings(
    max_examples=PROTOCOLS, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)  # fmt: skip
@given(st.data())
def test_data_and_requests_get_the_same_verdict(data: st.DataObject) -> None:
    """Row by row, for 40 rows of a drawn protocol."""
    protocol = data.draw(protocols())
    columns = {column.name: column.field for column in requests.request_columns(protocol)}
    row = st.fixed_dictionaries({name: values(field) for name, field in columns.items()})
    rows = data.draw(st.lists(row, min_size=ROWS, max_size=ROWS))
    for sent, in_data, in_request in zip(
        rows, by_pandera(protocol, rows), by_decoder(protocol, rows), strict=True
    ):
        infinite = {name for name, value in sent.items() if value in (math.inf, -math.inf)}
        assert bool(in_data) == bool(in_request), (sent, columns)
        assert infinite or in_data == in_request, (sent, columns)


STRICT = Protocol(
    pulse=1, name="p", version="1.0.0", task="regression",
    source=SourceSpec(datasource="d", query="q", time="at", key=("id",)),
    features={
        "float": FieldSpec(type="float"), "int": FieldSpec(type="int"), "bool": FieldSpec(type="bool"),
        "kind": FieldSpec(type="category", values=(0, 1)),
    },
    columns={"id": FieldSpec(type="int")},
    target=TargetSpec(name="y", type="float"),
    training=TrainingSpec(),
)  # fmt: skip
SENT: dict[str, Any] = {
    "float": 1.5,
    "int": 3,
    "bool": True,
    "kind": 1,
    "at": "2013-01-01T00:00:00Z",
    "id": 1,
}


def decoded(**changes: Any) -> Any:
    """A record as the runtime takes it, None where it does not."""
    try:
        return msgspec.json.decode(
            msgspec.json.encode({**SENT, **changes}), type=requests.request_type(STRICT)
        )
    except msgspec.ValidationError:
        return None


@pytest.mark.parametrize(
    ("column", "value", "in_data"),
    [
        ("bool", 1, pl.Series([1]).cast(pl.Boolean)),
        ("int", 3.0, pl.Series([3.0]).cast(pl.Int64)),
        ("kind", True, pl.Series([True]).cast(pl.Int64)),
        ("kind", 1.0, pl.Series([1.0]).cast(pl.Int64)),
    ],
)
def test_requests_are_stricter_about_types_than_sources(
    column: str, value: object, in_data: pl.Series
) -> None:
    """A source without booleans or integers may hold them as other numbers; JSON has both, and must use them."""
    assert decoded(**{column: value}) is None
    rows = [{**SENT, "at": TIMES[0], column: in_data[0]}]
    assert by_pandera(STRICT, rows) == [set()]


def test_an_integer_beyond_53_bits_loses_its_last_digit_in_a_float() -> None:
    """To both: a float column has no more digits than a float."""
    assert decoded(float=2**53 + 1).f0 == 2.0**53
    assert pl.Series([2**53 + 1]).cast(pl.Float64)[0] == 2.0**53


def test_time_and_key_may_be_left_out_of_a_request_alone() -> None:
    """In the data a null in them breaks the rule of their column."""
    assert decoded(at=None, id=None) is not None
    frame = pl.DataFrame(
        {"at": [None], "id": [None], "float": [1.5], "int": [3], "bool": [True], "kind": [1], "y": [0.0]},
        schema_overrides={"at": TYPES["timestamp"], "id": pl.Int64},
    )
    assert [name for (name, _), _ in broken_rows(frame_schema(STRICT), frame)] == ["at", "id"]


@pytest.mark.parametrize("text", ["2013-01-01T06:00:00", "2013-01-01T06:00:00Z", "2013-01-01T11:30:00+05:30"])
def test_a_time_without_a_zone_is_utc(text: str) -> None:
    """As it is in the data, whose times are all in UTC."""
    from pulse_blocks.serving.encoding import microseconds

    assert microseconds(decoded(at=text).f4) == 1_357_020_000_000_000
