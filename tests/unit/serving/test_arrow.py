"""Arrow streams in and out of the runtime; and the same rows in every dialect."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest

from tests.served_models import RECORD, records

from .conftest import Served, expected

ROWS = records(5, seed=31)
NAMES = list(RECORD)
DATA = [[row[name] for name in NAMES] for row in ROWS]
COLUMNS = {name: [row[name] for row in ROWS] for name in NAMES}
ARROW = "application/vnd.apache.arrow.stream"


def tensors(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Inputs of the Open Inference Protocol, as JSON."""
    kinds = {"weight": "FP64", "distance": "FP32", "carrier": "BYTES", "stops": "INT64", "express": "BOOL"}
    return [
        {"name": name, "datatype": kind, "shape": [len(rows)], "data": [row[name] for row in rows]}
        for name, kind in kinds.items()
    ]


def arrow_body(table: pa.Table, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=3)
    return bytes(sink.getvalue())


def ask_arrow(client: httpx.Client, body: bytes) -> httpx.Response:
    return client.post("/predict/parcels", content=body, headers={"content-type": ARROW})


def test_arrow_in_and_out(alone: httpx.Client) -> None:
    """A stream of batches, dictionaries and NaN among them, answered by a stream with a column for each key."""
    rows = records(100, seed=8)
    table = pa.Table.from_pylist(rows)
    table = table.set_column(2, "carrier", table["carrier"].dictionary_encode())
    distance = np.array([np.nan if row["distance"] is None else row["distance"] for row in rows])
    for one in (table, table.set_column(1, "distance", pa.array(distance))):
        reply = ask_arrow(alone, arrow_body(one))
        assert reply.headers["content-type"] == ARROW
        answer = pa.ipc.open_stream(reply.content).read_all()
        assert answer.column_names == ["inference_id", "model", "probability", "decision"]
        assert answer["probability"].to_pylist() == expected(alone, rows)
    by_accept = alone.post("/predict/parcels", json={"instances": ROWS}, headers={"accept": ARROW})
    assert pa.ipc.open_stream(by_accept.content).read_all()["probability"].to_pylist() == expected(
        alone, ROWS
    )


def test_arrow_of_many_classes(served: Served) -> None:
    """The probability of each class is a column."""
    reply = served.client.post(
        "/predict/days", content=arrow_body(pa.Table.from_pylist(ROWS)), headers={"content-type": ARROW}
    )
    assert pa.ipc.open_stream(reply.content).read_all().column_names[2:] == ["mon", "tue", "wed"]


def test_arrow_that_is_not_sound(alone: httpx.Client) -> None:
    """No stream, a cut one, a compressed one, one of endless nulls, bad values: each its own clear refusal."""
    table = pa.Table.from_pylist(ROWS)
    sound = arrow_body(table)
    nulls = pa.table({"weight": pa.nulls(10_000_000)})
    bad = table.set_column(3, "stops", pa.array([1, 2, 3, 4, 99]))
    nested = table.set_column(3, "stops", pa.array([[1]] * 5))
    cases: list[tuple[bytes, int, str]] = [
        (b"", 400, "request.arrow"),
        (b"\x00" * 100, 400, "request.arrow"),
        (sound[: len(sound) // 2], 400, "request.arrow"),
        (arrow_body(table, compression="zstd"), 415, "request.compressed"),
        (arrow_body(table, compression="lz4"), 415, "request.compressed"),
        (arrow_body_at_once(nulls), 413, "request.too_large"),
        (arrow_body(bad), 422, "request.invalid"),
        (arrow_body(nested), 422, "request.invalid"),
        (arrow_body(table.slice(0, 0)), 422, "request.invalid"),
    ]
    for number, (body, status, code) in enumerate(cases):
        reply = ask_arrow(alone, body)
        assert (number, reply.status_code, reply.json()["error"]["code"]) == (number, status, code), (
            reply.text
        )
    assert ask_arrow(alone, arrow_body(bad)).json()["error"]["fields"][0]["path"] == "columns.stops[4]"


def arrow_body_at_once(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def test_rows_of_every_dialect_are_the_same(alone: httpx.Client) -> None:
    """The input that the ledger keeps does not depend on how it was sent."""
    ids = [
        alone.post("/predict/parcels", json=ROWS[0]).json()["inference_id"],
        alone.post("/invocations", json={"instances": [DATA[0]]}).headers["pulse-inference-id"],
        alone.post("/v2/models/parcels/infer", json={"inputs": tensors(ROWS[:1])}).headers[
            "pulse-inference-id"
        ],
        ask_arrow(alone, arrow_body(pa.Table.from_pylist(ROWS[:1]))).headers["pulse-inference-id"],
    ]
    traced = [alone.get(f"/lineage/{one}").json()["facts"]["input_hash"] for one in ids]
    assert len(set(traced)) == 1


@pytest.mark.parametrize("kind", [pa.int8(), pa.int32(), pa.uint16(), pa.int64(), pa.float32(), pa.float64()])
def test_arrow_numbers_of_every_width(alone: httpx.Client, kind: pa.DataType) -> None:
    """Read from their buffers or one by one (with a null, a NaN, a slice): what JSON would have given."""
    rows = [
        {**row, "weight": float(at % 50), "distance": float(at)} for at, row in enumerate(records(9, seed=5))
    ]
    table = pa.Table.from_pylist(rows)
    for name in ("weight", "distance"):
        table = table.set_column(table.column_names.index(name), name, table.column(name).cast(kind))
    reply = ask_arrow(alone, arrow_body(table.slice(2)))
    assert reply.status_code == 200, reply.text
    found = pa.ipc.open_stream(reply.content).read_all().column("probability").to_pylist()
    assert found == expected(alone, rows[2:])
    holes = table.set_column(
        table.column_names.index("distance"), "distance", pa.array([None, *range(8)], type=kind)
    )
    found = pa.ipc.open_stream(ask_arrow(alone, arrow_body(holes)).content).read_all()
    gone = [{**row, "distance": None if not at else float(at - 1)} for at, row in enumerate(rows)]
    assert found.column("probability").to_pylist() == expected(alone, gone)


def repeated(value: Any, rows: int) -> dict[str, pa.Array]:
    """A value that a stream holds once and every row has."""
    index = pa.array([0] * rows, pa.int8())
    return {
        "dictionary": pa.DictionaryArray.from_arrays(index, pa.array([value])),
        "runs": pa.RunEndEncodedArray.from_arrays(pa.array([rows], pa.int32()), pa.array([value])),
        "views": pa.array([value] * rows, pa.string_view()),
    }


def with_column(rows: int, name: str, column: pa.Array) -> bytes:
    """A stream of sound rows with one column in the place of another, or beside them."""
    table = pa.Table.from_pylist([RECORD] * rows)
    at = table.column_names.index(name) if name in RECORD else None
    return arrow_body_at_once(
        table.append_column(name, column) if at is None else table.set_column(at, name, column)
    )


def views_of_one(value: str, rows: int) -> bytes:
    """A stream whose views all show the same bytes."""
    one = pa.array([value], pa.string_view()).buffers()
    array = pa.Array.from_buffers(
        pa.string_view(), rows, [None, pa.py_buffer(one[1].to_pybytes()[:16] * rows), one[2]]
    )
    return with_column(rows, "parcel", array)


def test_a_short_stream_is_no_large_request(alone: httpx.Client) -> None:
    """A long value that is there once and many rows have: as large as if each had its own."""
    for kind in ("dictionary", "runs"):
        long = ask_arrow(alone, with_column(2500, "parcel", repeated("x" * 10_000, 2500)[kind]))
        assert (long.status_code, long.json()["error"]["code"]) == (413, "request.too_large")
    long = ask_arrow(alone, views_of_one("x" * 10_000, 2500))
    assert (long.status_code, long.json()["error"]["code"]) == (413, "request.too_large")
    nulls = pa.DictionaryArray.from_arrays(pa.array([0], pa.int8()), pa.nulls(50_000_000))
    assert ask_arrow(alone, with_column(1, "parcel", nulls)).status_code == 413
    for column in repeated("x" * 100, 20).values():
        assert ask_arrow(alone, with_column(20, "parcel", column)).status_code == 200


def test_runs_and_dictionaries_of_numbers(alone: httpx.Client) -> None:
    """What JSON would have given: of runs as of a dictionary, NaN and null among them."""
    numbers: list[float | None] = [1.0, 1.0, 1.0, float("nan"), 7.5, 7.5, None]
    rows = [{**RECORD, "distance": None if n is None or np.isnan(n) else n} for n in numbers]
    runs = pa.RunEndEncodedArray.from_arrays(
        pa.array([3, 4, 6, 7], pa.int16()), pa.array([1.0, np.nan, 7.5, None])
    )
    indices = pa.array([0, 0, 0, 1, 2, 2, None], pa.uint8())
    for column in (runs, pa.DictionaryArray.from_arrays(indices, pa.array([1.0, np.nan, 7.5]))):
        reply = ask_arrow(alone, with_column(7, "distance", column))
        assert reply.status_code == 200, reply.text
        found = pa.ipc.open_stream(reply.content).read_all()["probability"].to_pylist()
        assert found == expected(alone, rows)


FAR = 2**62
ODD: dict[str, pa.Array] = {
    "a far time": pa.array([FAR], pa.timestamp("s")),
    "a far time of a dictionary": pa.DictionaryArray.from_arrays(pa.array([0]), pa.array([FAR], pa.timestamp("s"))),
    "a zone that is nowhere": pa.array([0], pa.timestamp("s", tz="Mars/Phobos")),
    "a far day": pa.array([2**31 - 1], pa.date32()),
    "a far day in milliseconds": pa.array([FAR // 86_400_000 * 86_400_000], pa.date64()),
    "a long time": pa.array([FAR], pa.duration("s")),
    "a time of no day": pa.array([1], pa.time64("ns")),
    "an interval": pa.array([(1, 2, 3)], pa.month_day_nano_interval()),
    "bytes": pa.array([b"\xff"]),
    "a list of a dictionary": pa.DictionaryArray.from_arrays(pa.array([0]), pa.array([[1]])),
    "a tensor": pa.FixedShapeTensorArray.from_numpy_ndarray(np.zeros((1, 2))),
    "a uuid": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0" * 16], pa.binary(16))),
}  # fmt: skip


@pytest.mark.parametrize("column", ["weight", "carrier", "sent", "parcel"])
@pytest.mark.parametrize("kind", ODD)
def test_sound_streams_of_odd_types(alone: httpx.Client, kind: str, column: str) -> None:
    """Refused by the column's name, never a fault of ours."""
    reply = ask_arrow(alone, with_column(1, column, ODD[kind]))
    assert reply.status_code == 422, reply.text
    assert reply.json()["error"]["fields"][0]["path"].startswith(f"columns.{column}")
