"""Event times at the ends of the calendar: refused where the ledger could not tell them, told where it can."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from pulse_blocks.ids import new_inference_id
from tests.served_models import RECORD

from .conftest import Served


def ways(sent: str) -> dict[str, dict[str, Any]]:
    """The same record in bodies of several forms."""
    record = {**RECORD, "sent": sent}
    columns = {name: [value] for name, value in record.items()}
    kinds = {"weight": "FP64", "distance": "FP64", "stops": "INT64", "express": "BOOL"}
    tensors = [
        {"name": name, "datatype": kinds.get(name, "BYTES"), "shape": [1], "data": values}
        for name, values in columns.items()
    ]
    return {
        "/predict/parcels": record,
        "/predict/parcels?": {"instances": [record]},
        "/predict/parcels?columns": {"columns": columns},
        "/invocations": {"dataframe_records": [record]},
        "/v2/models/parcels/infer": {"inputs": tensors},
    }


@pytest.mark.parametrize("sent", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_beyond_the_calendar_is_refused(alone: httpx.Client, sent: str) -> None:
    """In UTC it is of the year 0 or 10000, which nothing could ever read again."""
    for path, body in ways(sent).items():
        reply = alone.post(path, json=body)
        assert reply.status_code == 422, (path, reply.text)
        assert "within the years 1 to 9999" in reply.text


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("0001-01-01T14:00:00+14:00", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59Z"),
        ("1969-12-31T23:59:59", "1969-12-31T23:59:59Z"),
    ],
)
def test_every_other_time_is_told(alone: httpx.Client, sent: str, told: str) -> None:
    """To the first and last moment."""
    for path, body in ways(sent).items():
        reply = alone.post(path, json=body)
        assert reply.status_code == 200, (path, reply.text)
        traced = alone.get(f"/lineage/{reply.headers.get('pulse-inference-id')}")
        assert (traced.status_code, traced.json()["facts"]["event_time"]) == (200, told)


def test_a_row_of_before_is_told_too(served: Served) -> None:
    """What a ledger holds already has a lineage, whatever its time is."""
    one, model = new_inference_id(), served.models["parcels"].id
    served.ledger.append(
        [(one, 7, 253_402_351_199_000_000, None, model, "{}", "{}", b"1" * 32, b"1" * 32, 1, 0)]
    )
    traced = served.client.get(f"/lineage/{one}")
    assert (traced.status_code, traced.json()["facts"]["event_time"]) == (200, "9999-12-31T23:59:59Z")
