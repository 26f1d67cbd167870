"""Whatever protocol and whatever record: the decoder and the slow path agree."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from pulse_blocks.protocol import requests
from pulse_blocks.protocol.spec import FieldSpec, Protocol, SourceSpec, TargetSpec, TrainingSpec

INTERESTING = (
    0,
    -0.0,
    1,
    1.0,
    1.5,
    2**53 + 1,
    2**63 - 1,
    2**63,
    -(2**63),
    -(2**63) - 1,
    10**30,
    1e308,
    5e-324,
)
TEXTS = ("", "a", "AA", "ü", "\u202e", "a\n", "😀", "2013-01-01", "2013-01-01T06:00:00Z", "1", "null")
names = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters='"\\'), min_size=1, max_size=8
) | st.sampled_from(["class", "f0", "def", "a b", "it's", "__proto__"])
texts = st.sampled_from(TEXTS) | st.text(max_size=6)
bounds = st.integers(-5, 5)


@st.composite
def fields(draw: st.DrawFn) -> FieldSpec:
    """A column of any type, with or without rules; sound, as the loader would leave it."""
    kind = draw(st.sampled_from(["float", "int", "bool", "category", "string", "timestamp", "date"]))
    rules: dict[str, Any] = {"nullable": draw(st.booleans())}
    if kind in ("float", "int"):
        low, high = sorted((draw(bounds), draw(bounds)))
        rules |= draw(
            st.sampled_from([{}, {"ge": low, "le": high + 1}, {"gt": low - 1}, {"lt": high, "gt": low - 5}])
        )
    if kind == "category":
        values = st.lists(texts, min_size=1, unique=True) | st.lists(
            st.integers(-(2**63), 2**63 - 1) | bounds, min_size=1, unique=True
        )
        rules["values"] = tuple(draw(values))
    if kind == "string":
        rules |= draw(st.sampled_from([{}, {"pattern": "^[A-Za-z]+$"}, {"min_length": 1, "max_length": 2}]))
    return FieldSpec(type=kind, **rules)


@st.composite
def protocols(draw: st.DrawFn) -> Protocol:
    """A protocol with a few features under any names, and perhaps a time and a key."""
    columns = draw(st.dictionaries(names, fields(), min_size=2, max_size=6))
    *features, key = columns
    return Protocol(
        pulse=1,
        name="p",
        version="1.0.0",
        task="regression",
        source=SourceSpec(
            datasource="d", query="q", key=(key,), time=draw(st.sampled_from([None, "event time"]))
        ),
        features={name: columns[name] for name in features},
        columns={key: columns[key]},
        target=TargetSpec(name="the target", type="float"),
        training=TrainingSpec(),
    )


numbers = st.sampled_from(INTERESTING) | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
values = st.none() | st.booleans() | numbers | bounds | texts | st.just([]) | st.just({})


FITTING: dict[str, st.SearchStrategy[Any]] = {
    "float": bounds | st.floats(-5, 5),
    "int": bounds,
    "bool": st.booleans(),
    "string": st.sampled_from(["a", "AA", "ü"]),
    "timestamp": st.just("2013-01-01T06:00:00Z"),
    "date": st.just("2013-01-01"),
}


@st.composite
def records(draw: st.DrawFn, protocol: Protocol) -> object:
    """A record of fitting values; often one of them is any other value, missing, or one too many."""
    record: dict[str, Any] = {}
    for column in requests.request_columns(protocol):
        known = column.field.values
        record[column.name] = draw(st.sampled_from(known) if known else FITTING[column.field.type])
    if draw(st.booleans()):
        record[draw(st.sampled_from(list(record)))] = draw(values)
    if not draw(st.integers(0, 4)):
        del record[draw(st.sampled_from(list(record)))]
    if not draw(st.integers(0, 9)):
        record[draw(names)] = draw(values)
    return record


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_the_decoder_accepts_exactly_what_has_no_problems(data: st.DataObject) -> None:
    """The verdict of ``request_type`` on the bytes equals that of ``problems`` on the decoded object."""
    protocol = data.draw(protocols())
    raw = data.draw(records(protocol) | values)
    body = msgspec.json.encode(raw)
    try:
        record = msgspec.json.decode(body, type=requests.request_type(protocol))
    except msgspec.ValidationError:
        record = None
    found = requests.problems(protocol, msgspec.json.decode(body))
    assert (record is not None) == (not found)
    assert all(problem.message for problem in found)
    if record is not None:
        assert len(msgspec.structs.astuple(record)) == len(requests.request_columns(protocol))
