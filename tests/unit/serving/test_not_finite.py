"""Infinity and NaN, which some formats of a body can hold and JSON cannot, are no values of a float column."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator
from typing import Any

import httpx
import pyarrow as pa
import pytest

from pulse_blocks import settings
from tests.served_models import FEATURES, RECORD, protocol, runtime, train_and_promote

ARROW = "application/vnd.apache.arrow.stream"
WITHOUT_BOUNDS = {
    **FEATURES,
    "weight": {"type": "float"},
    "distance": {"type": "float", "nullable": True},
}


@pytest.fixture(scope="module")
def boundless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A runtime whose model has floats without bounds."""
    workspace = settings.load(tmp_path_factory.mktemp("boundless"), environ={})
    train_and_promote(workspace, protocol(features=WITHOUT_BOUNDS))
    with runtime(workspace, "parcels") as (url, _), httpx.Client(base_url=url, timeout=30) as client:
        yield client


def csv(client: httpx.Client, column: str, text: str) -> httpx.Response:
    row = [text if name == column else "" if value is None else str(value) for name, value in RECORD.items()]
    body = f"{','.join(RECORD)}\n{','.join(row)}\n"
    return client.post("/invocations", content=body, headers={"content-type": "text/csv"})


def arrow(client: httpx.Client, column: str, number: float) -> httpx.Response:
    table = pa.Table.from_pylist([{**RECORD, column: number}])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    headers = {"content-type": ARROW}
    return client.post("/predict/parcels", content=bytes(sink.getvalue()), headers=headers)


def binary(client: httpx.Client, column: str, number: float) -> httpx.Response:
    kinds = {"weight": "FP64", "distance": "FP64", "carrier": "BYTES", "stops": "INT64", "express": "BOOL"}
    inputs: list[dict[str, Any]] = [
        {"name": name, "datatype": kind, "shape": [1], "data": [RECORD[name]]} for name, kind in kinds.items()
    ]
    odd = inputs[list(kinds).index(column)]
    del odd["data"]
    odd["parameters"] = {"binary_data_size": 8}
    head = json.dumps({"inputs": inputs}).encode()
    headers = {"inference-header-content-length": str(len(head))}
    body = head + struct.pack("<d", number)
    return client.post("/v2/models/parcels/infer", content=body, headers=headers)


@pytest.mark.parametrize("column", ["weight", "distance"])
@pytest.mark.parametrize("text", ["inf", "-inf", "Infinity", "nan", "1e400", "-1e400", "1_000"])
def test_csv_holds_plain_numbers(boundless: httpx.Client, column: str, text: str) -> None:
    """Whatever else Python would read as a float is refused; missing is an empty value, and nothing else."""
    reply = csv(boundless, column, text)
    assert reply.status_code == 422, reply.text
    (field,) = reply.json()["error"]["fields"]
    assert field["path"] == f"rows[0].{column}"
    assert field["message"].startswith("Expected a number, got ")
    assert csv(boundless, "stops", "1_0").status_code == 422
    assert csv(boundless, "distance", "").status_code == 200


@pytest.mark.parametrize("ask", [arrow, binary])
def test_infinity_is_refused_and_nan_is_missing(boundless: httpx.Client, ask: Any) -> None:
    """As JSON's null is: where the column is nullable, and there only."""
    for column in ("weight", "distance"):
        for number in (math.inf, -math.inf):
            assert ask(boundless, column, number).status_code == 422
        assert ask(boundless, column, 1.7e308).status_code == 200
    assert ask(boundless, "weight", math.nan).status_code == 422
    assert ask(boundless, "distance", math.nan).status_code == 200


def test_the_schema_names_no_bounds_that_nobody_gave(boundless: httpx.Client) -> None:
    """A float without bounds is a number to whoever reads the OpenAPI document."""
    paths = boundless.get("/openapi.json").json()["paths"]
    body = paths["/predict/parcels"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    columns = body["oneOf"][0]["properties"]
    assert columns["weight"] == {"type": "number"}
    assert columns["distance"]["anyOf"] == [{"type": "number"}, {"type": "null"}]
    assert columns["stops"] == {"type": "integer", "minimum": 0, "maximum": 20}
