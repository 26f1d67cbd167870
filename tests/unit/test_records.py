"""Records: frozen facts that survive JSON."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse_blocks import records
from pulse_blocks.records import (
    Arrival,
    Calibration,
    Chunk,
    ClassCurve,
    Column,
    Deployment,
    Environment,
    ProtocolRef,
    RawBatch,
    Record,
    RefusedModel,
    Searched,
    Snapshot,
    SnapshotRef,
    StoredModel,
    TrainedModel,
    ValidatedData,
    Window,
)

KINDS = [
    Window,
    ProtocolRef,
    Column,
    Chunk,
    RawBatch,
    Snapshot,
    SnapshotRef,
    ValidatedData,
    Environment,
    ClassCurve,
    Calibration,
    Searched,
    TrainedModel,
    RefusedModel,
    StoredModel,
    Deployment,
    Arrival,
]
_PLAIN: dict[type[msgspec.inspect.Type], st.SearchStrategy[Any]] = {
    msgspec.inspect.StrType: st.text(max_size=20),
    msgspec.inspect.IntType: st.integers(min_value=-(2**63), max_value=2**63 - 1),
    msgspec.inspect.FloatType: st.floats(allow_nan=False, allow_infinity=False),
    msgspec.inspect.BoolType: st.booleans(),
    msgspec.inspect.NoneType: st.none(),
}


def values_of(kind: msgspec.inspect.Type) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - one a type
    """Any value of a field's type; a record holds nothing but plain facts."""
    match kind:
        case msgspec.inspect.StructType(cls=cls):
            return records_of(cls)
        case msgspec.inspect.VarTupleType(item_type=item):
            return st.lists(values_of(item), max_size=3).map(tuple)
        case msgspec.inspect.TupleType(item_types=items):
            return st.tuples(*map(values_of, items))
        case msgspec.inspect.DictType(value_type=value):
            return st.dictionaries(st.text(max_size=10), values_of(value), max_size=3)
        case msgspec.inspect.LiteralType(values=values):
            return st.sampled_from(values)
        case msgspec.inspect.UnionType(types=types):
            return st.one_of(*map(values_of, types))
        case _:
            return _PLAIN[type(kind)]


def records_of(kind: type[Record]) -> st.SearchStrategy[Record]:
    """Any record of a kind, drawn from the types of its fields."""
    info = msgspec.inspect.type_info(kind)
    assert isinstance(info, msgspec.inspect.StructType)
    return st.builds(kind, **{field.name: values_of(field.type) for field in info.fields})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_a_record_survives_json(kind: type[Record], data: st.DataObject) -> None:
    """What is read back must equal what was written, and be written as the same bytes again."""
    record = data.draw(records_of(kind))
    written = records.to_json(record)
    read = records.from_json(written, kind)
    assert read == record
    assert records.to_json(read) == written


def test_every_kind_of_record_is_covered() -> None:
    """A record that is added must be in the round trip above."""
    defined = {
        value
        for value in vars(records).values()
        if isinstance(value, type) and issubclass(value, Record) and value is not Record
    }
    assert defined == set(KINDS)


def test_a_record_cannot_be_changed() -> None:
    """Facts do not change after they are made."""
    window = Window(start="2013-01-01T00:00:00Z", end="2013-04-01T00:00:00Z")
    with pytest.raises(AttributeError):
        window.start = "2014-01-01T00:00:00Z"  # type: ignore[misc]


def test_the_order_of_a_dict_does_not_change_the_bytes() -> None:
    """The same facts are the same bytes, however they were gathered."""
    facts: dict[str, Any] = {
        field.name: 0 if field.type in (int, float) else "x"
        for field in msgspec.structs.fields(TrainedModel)
        if field.name != "metrics"
    }
    one = TrainedModel(**facts, metrics={"a": 1.0, "b": 2.0})
    other = TrainedModel(**facts, metrics={"b": 2.0, "a": 1.0})
    assert records.to_json(one) == records.to_json(other)


def test_json_of_another_kind_is_refused() -> None:
    """A record must never be read from what is none, or not this one."""
    for wrong in (b"{}", b"[]", b'{"start": 1, "end": 2}', b"{"):
        with pytest.raises(msgspec.DecodeError):
            records.from_json(wrong, Window)
