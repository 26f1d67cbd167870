"""The same verdict on a float column whatever a request is written in: JSON, CSV, Arrow or binary tensors.

Only JSON keeps infinity out by itself. The column's bounds are drawn, none among them; 100 protocols of 20 rows each
are 8,000 requests.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from pulse_blocks import settings
from pulse_blocks.bundle import Bundle, LoadedBundle
from pulse_blocks.protocol.spec import FieldSpec
from pulse_blocks.serving.dialects.base import Asked
from pulse_blocks.serving.dialects.mlflow import MLFLOW
from pulse_blocks.serving.dialects.open_inference import OPEN_INFERENCE
from pulse_blocks.serving.dialects.predict import ARROW, PREDICT
from pulse_blocks.serving.model import Model
from pulse_blocks.serving.refusals import Refusal
from tests.property.test_verdicts import as_json, by_pandera, finite, integers, ranges, values
from tests.served_models import FEATURES, RECORD, keep, protocol, train

PROTOCOLS, ROWS = 100, 20
Row = dict[str, Any]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, bytes]:
    """One model, to be served under every drawn protocol."""
    kind = protocol("hours", "regression")
    text = train(kind).model_to_string().encode()
    workspace = settings.load(tmp_path_factory.mktemp("trained"), environ={})
    return keep(workspace, kind, text)[0], text


@st.composite
def weights(draw: st.DrawFn) -> FieldSpec:
    """A float column with bounds at one, both or no end, nullable or not."""
    return FieldSpec(type="float", nullable=draw(st.booleans()), **draw(ranges(finite | integers)))


def as_text(value: Any) -> str:
    """A value as CSV has it; what is missing, NaN among it, is nothing."""
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else str(value)


def by_json(model: Model, row: Row) -> Asked:
    return PREDICT.read(model, as_json(row), {})


def by_csv(model: Model, row: Row) -> Asked:
    body = f"{','.join(row)}\n{','.join(map(as_text, row.values()))}\n"
    return MLFLOW.read(model, body.encode(), {b"content-type": b"text/csv"})


def by_arrow(model: Model, row: Row) -> Asked:
    table = pa.Table.from_pylist([row])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return PREDICT.read(model, bytes(sink.getvalue()), {b"content-type": ARROW})


def by_tensors(model: Model, row: Row) -> Asked:
    """The float in eight bytes; a null, which these cannot hold, is a NaN."""
    kinds = {"carrier": "BYTES", "stops": "INT64", "express": "BOOL", "distance": "FP64"}
    inputs: list[Row] = [{"name": n, "datatype": k, "shape": [1], "data": [row[n]]} for n, k in kinds.items()]
    size = {"binary_data_size": 8}
    inputs.append({"name": "weight", "datatype": "FP64", "shape": [1], "parameters": size})
    head = json.dumps({"inputs": inputs}).encode()
    tail = struct.pack("<d", math.nan if row["weight"] is None else row["weight"])
    return OPEN_INFERENCE.read(model, head + tail, {b"inference-header-content-length": b"%d" % len(head)})


@hypothesis(max_examples=PROTOCOLS, deadline=None)
@given(st.data())
def test_data_and_every_dialect_get_the_same_verdict(
    trained: tuple[Bundle, bytes], data: st.DataObject
) -> None:
    """Row by row; and what is taken is the same record, whose JSON tells it from every other."""
    weight = data.draw(weights())
    source = {"datasource": "db", "query": "select 1"}
    features = {**FEATURES, "weight": msgspec.to_builtins(weight)}
    target = {"name": "y", "type": "float"}
    kind = protocol("hours", "regression", features=features, source=source, target=target)
    bundle, text = trained
    model = Model(LoadedBundle(bundle=bundle, protocol=kind, model_text=text))
    drawn = data.draw(st.lists(values(weight), min_size=ROWS, max_size=ROWS))
    rows = [{**RECORD, "weight": number} for number in drawn]
    for row, broken in zip(rows, by_pandera(kind, rows), strict=True):
        for read in (by_json, by_csv, by_arrow, by_tensors):
            taken = _taken(read, model, row)
            assert (taken is None) == bool(broken), (read, row["weight"], weight)
            if taken is not None:
                number = row["weight"]
                missing = number is None or math.isnan(number)
                assert json.loads(taken)["weight"] == (None if missing else number), (read, number)


def _taken(read: Callable[[Model, Row], Asked], model: Model, row: Row) -> bytes | None:
    """The canonical input, None where the request is refused."""
    try:
        (record,) = read(model, row).records
    except Refusal:
        return None
    return msgspec.json.encode(record)
