"""Records as the model sees them."""

from __future__ import annotations

import math

import msgspec
import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.requests import request_type
from pulse_blocks.serving.encoding import Encoder
from tests.served_models import RECORD, matrix, protocol, records


def test_rows_are_those_of_training() -> None:
    """Category codes, NaN for missing, 0 and 1 for booleans, in the protocol's order."""
    kind, rows = protocol(), records(300, seed=4)
    found = Encoder(kind).matrix(msgspec.convert(rows, list[request_type(kind)]))  # type: ignore[misc]
    assert found.tobytes() == matrix(rows).tobytes() or all(
        a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(found, matrix(rows).ravel(), strict=True)
    )


def test_integer_categories_are_coded_too() -> None:
    """A category of integers is its index, not its value; a missing one is NaN."""
    features = {"zone": {"type": "category", "values": [30, 10, 20], "nullable": True}}
    kind = protocol(features=features)
    rows = msgspec.convert([{"zone": 10}, {"zone": 30}, {"zone": None}, {}], list[request_type(kind)])  # type: ignore[misc]
    found = Encoder(kind).matrix(rows)
    assert list(found[:2]) == [1.0, 0.0]
    assert all(math.isnan(value) for value in found[2:])


def test_a_feature_that_is_no_number_is_refused() -> None:
    """A string can be no input of the model."""
    with pytest.raises(PulseError, match="note is a string"):
        Encoder(protocol(features={"note": {"type": "string"}}))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, (None, None)),
        ({"sent": "1970-01-01T00:00:01Z"}, (1_000_000, None)),
        ({"sent": "1970-01-01T00:00:01"}, (1_000_000, None)),
        ({"parcel": "p1"}, (None, "p1")),
    ],
)
def test_origin_is_what_the_request_gives(
    given: dict[str, str], expected: tuple[int | None, str | None]
) -> None:
    """Event time in microseconds of UTC and the source's key, each only where it is there."""
    kind = protocol()
    record = msgspec.convert({**RECORD, **given}, request_type(kind))
    assert Encoder(kind).origin(record) == expected


def test_a_key_of_several_columns_is_a_list() -> None:
    """Every part of the key is kept, null where it is missing."""
    kind = protocol(source={"datasource": "db", "query": "select 1", "key": ["a", "b"]})
    record = msgspec.convert({**RECORD, "b": "2"}, request_type(kind))
    assert Encoder(kind).origin(record) == (None, '[null,"2"]')
