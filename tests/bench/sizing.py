"""What a training run takes, measured in fresh processes and set beside what the plan says it takes.

``BENCH_SIZES`` is a list of ``ROWS x FEATURES`` with an optional number of leaves and classes, such as
``1000000x30`` or ``100000x30x255x3``; without it there are sizes from 10^4 to 10^7 rows.
"""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from pulse_blocks.protocol.columns import all_columns
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Snapshot, Window
from pulse_blocks.snapshots.commit import commit
from pulse_blocks.snapshots.reading import load
from pulse_blocks.snapshots.writing import write_chunks
from pulse_blocks.sources.arrow import arrow_schema
from pulse_blocks.sources.base import Rows
from pulse_blocks.stores import Store, open_store
from pulse_blocks.times import iso
from tests.bench.stopwatch import Stopwatch
from tests.small_data import raw_batch

SIZES = (
    "10000x10 10000x30 100000x10 100000x30 100000x30x255 100000x30x31x5 100000x100 1000000x10 1000000x30"
    " 1000000x30x255 10000000x30"
)
_BATCH = 50_000
_ROUNDS = 20


def main() -> None:
    """A row for each size: predicted and measured peak, their ratio, processor seconds of the fit."""
    print(
        f"{'size':>18} {'rows':>11} {'predicted MB':>13} {'measured MB':>12} {'ratio':>6} {'CPU s':>8} {'said':>8}"
    )
    with tempfile.TemporaryDirectory() as temporary:
        for size in os.environ.get("BENCH_SIZES", SIZES).split():
            found = _measured(size, Path(temporary) / size)
            ratio = found["predicted_mb"] / found["peak_mb"]
            print(
                f"{size:>18} {found['rows']:11,} {found['predicted_mb']:13.0f} {found['peak_mb']:12.0f} {ratio:6.2f}"
                f" {found['cpu']:8.1f} {found['predicted_cpu']:8.1f}   {found['laps']}",
                flush=True,
            )


def _measured(size: str, folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.sizing", size, str(folder)]
    made = subprocess.run([*command, "make"], check=True, capture_output=True, text=True)
    done = subprocess.run([*command, made.stdout.strip()], check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def contract(size: str) -> tuple[int, Protocol]:
    """Rows, and the protocol of a size: two thirds numbers, the rest integers and categories."""
    given = [int(number) for number in size.split("x")]
    rows, features, leaves, classes = given + [31, 2][len(given) - 2 :]
    kinds: list[dict[str, Any]] = [
        {"type": "float", "ge": -10, "le": 10, "nullable": True},
        {"type": "float"},
        {"type": "float"},
        {"type": "float"},
        {"type": "int", "ge": 0},
        {"type": "category", "values": list("abcdefghij")},
    ]
    many = classes > 2
    target = (
        {"name": "y", "type": "category", "values": [f"c{at}" for at in range(classes)]} if many else None
    )
    return rows, msgspec.convert(
        {
            "pulse": 1,
            "name": "sizing",
            "version": "1.0.0",
            "task": "multiclass-classification" if many else "binary-classification",
            "source": {"datasource": "none", "query": "select 1", "time": "at", "key": ["id"]},
            "features": {f"f{at}": kinds[at % len(kinds)] for at in range(features)},
            "columns": {"id": {"type": "int"}},
            "target": target or {"name": "y", "type": "bool"},
            "training": {"params": {"num_leaves": leaves}, "rounds": _ROUNDS},
        },
        Protocol,
    )


def window(rows: int) -> Window:
    """A row each second, from the first of January 2026 on."""
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    return Window(start=iso(start), end=iso(start + dt.timedelta(seconds=rows)))


def _make(size: str, store: Store) -> Snapshot:
    rows, protocol = contract(size)
    schema = arrow_schema(all_columns(protocol))
    written = write_chunks(store, Rows(schema, _batches(rows, protocol, schema)), ("id",))
    return load(store, commit(store, raw_batch(protocol, written, window(rows))).id)


def _batches(rows: int, protocol: Protocol, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    draw = np.random.default_rng(0)
    for start in range(0, rows, _BATCH):
        count = min(_BATCH, rows - start)
        yield pa.RecordBatch.from_arrays(
            [
                _column(name, protocol, draw, start, count).cast(schema.field(name).type)
                for name in schema.names
            ],
            schema=schema,
        )


def _column(name: str, protocol: Protocol, draw: np.random.Generator, start: int, count: int) -> pa.Array:
    numbers = np.arange(start, start + count)
    if name == "at":
        return pa.array(1_767_225_600_000_000 + numbers * 1_000_000).cast(pa.timestamp("us", "UTC"))
    if name == "id":
        return pa.array(numbers)
    if name == protocol.target.name:
        values = protocol.target.values
        codes = draw.integers(0, len(values) if values else 2, count)
        return pa.array(codes == 1) if values is None else pa.array(np.array(values, dtype=object)[codes])
    kind = protocol.features[name]
    if kind.values:
        return pa.array(np.array(kind.values, dtype=object)[draw.integers(0, len(kind.values), count)])
    return pa.array(draw.integers(0, 1000, count) if kind.type == "int" else draw.uniform(-10, 10, count))


def _train(size: str, url: str, snapshot_id: str) -> dict[str, Any]:
    """Validate in this process and fit in the training process, as a run does."""
    from pulse_blocks.training.process import Request, discard, fit
    from pulse_blocks.training.sizing import MIB, predicted
    from pulse_blocks.validation import validate

    _, protocol = contract(size)
    store = open_store(url)
    snapshot = load(store, snapshot_id)
    watch = Stopwatch()
    with watch.lap("validate"):
        validated = validate(protocol, snapshot, store, None)
    request = Request(protocol=protocol, snapshot=snapshot, validated=validated, store=url)
    with watch.lap("fit"):
        done = fit(request, limit=None, timeout=7200)
    discard()
    after = os.times()
    said = predicted(protocol, snapshot)
    return {
        "rows": snapshot.rows,
        "peak_mb": done.peak / MIB,
        "predicted_mb": said.memory / MIB,
        "cpu": after.children_user + after.children_system,
        "predicted_cpu": said.cpu_seconds,
        "laps": watch.laps,
    }


if __name__ == "__main__":
    place = f"{sys.argv[2]}/store"
    if sys.argv[3] == "make":
        print(_make(sys.argv[1], open_store(place)).id)
    else:
        print(json.dumps(_train(sys.argv[1], place, sys.argv[3])))
