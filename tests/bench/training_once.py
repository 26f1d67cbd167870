"""One way to fit the transactions, in this process: what it took, as JSON.

``python -m tests.bench.training_once WAY FOLDER``; the folder holds the store that ``make`` has filled.
"""

# ruff: noqa: T201  it prints what it measured
from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulse_blocks.training.threads  # noqa: F401  before lightgbm

import lightgbm as lgb  # isort: skip
import msgspec
import numpy as np
import pyarrow as pa

from pulse_blocks.demo.transactions import BLOCK, block
from pulse_blocks.protocol.columns import features
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Snapshot, ValidatedData
from pulse_blocks.snapshots.commit import commit
from pulse_blocks.snapshots.memory import lean
from pulse_blocks.snapshots.reading import load, read_chunk
from pulse_blocks.snapshots.writing import write_chunks
from pulse_blocks.sources.base import Rows
from pulse_blocks.stores import Store, open_store
from pulse_blocks.training.boosting import boost, watched_parts
from pulse_blocks.training.params import parameters
from pulse_blocks.training.parts import Parts, prepare
from pulse_blocks.training.text import normalised, trees_sha256
from tests.bench.stopwatch import peak_mb, reset_peak
from tests.bench.transactions_file import protocol as transactions
from tests.small_data import raw_batch

ROWS = int(os.environ.get("BENCH_ROWS", "1247832"))
# Of the way "process": fewer take less time, and the same memory.
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "100"))


def contract(**training: Any) -> Protocol:
    """The fraud detector's, with other keys of training."""
    found = transactions("x.parquet")
    return msgspec.structs.replace(found, training=msgspec.structs.replace(found.training, **training))


def make(folder: str, rows: int = ROWS) -> Snapshot:
    """The snapshot that all ways read."""
    from pulse_blocks.protocol.columns import all_columns
    from pulse_blocks.sources.arrow import arrow_schema

    wanted, store = contract(), open_store(f"{folder}/store")
    schema = arrow_schema(all_columns(wanted))
    written = write_chunks(store, Rows(schema, _batches(rows, schema)), ("transaction_id",))
    return load(store, commit(store, raw_batch(wanted, written, None)).id)


def _batches(rows: int, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The first rows of the transactions, a block at a time: all of them would take more memory than a fit."""
    for number in range(-(-rows // BLOCK)):
        found = block(number, 7).slice(0, rows - number * BLOCK)
        columns = []
        for field in schema:
            values = found.column(found.schema.get_field_index(field.name))
            if field.name == "at":
                values = values.cast(pa.timestamp("us"))
            columns.append(values.cast(field.type))
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def opened(folder: str, **training: Any) -> tuple[Protocol, Snapshot, ValidatedData, Store]:
    """What ``fit`` takes; nothing is in quarantine."""
    store = open_store(f"{folder}/store")
    (manifest,) = (key for key in store.keys("snapshots/") if key.endswith("manifest.json"))
    snapshot = load(store, manifest.split("/")[1])
    validated = ValidatedData(
        snapshot=snapshot.id, rows=snapshot.rows, quarantined=0, warnings=0, report="", quarantine=None
    )
    return contract(**training), snapshot, validated, store


@lean()
def ours(folder: str, **changed: Any) -> dict[str, Any]:
    """A sequence over the chunks, decoded within the allocator that ``fit`` has chosen."""
    wanted, snapshot, validated, store = opened(folder)
    data = prepare(wanted, snapshot, validated, store)
    params = {**parameters(wanted), **changed}
    found = boost(wanted, params, data.blocks, data.train, watched_parts(wanted, data))
    return {"trees": trees_sha256(normalised(found.text))}


def frame(folder: str, *, arrow: bool) -> dict[str, Any]:
    """All training rows as one pandas frame, or one Arrow table, given to ``lgb.Dataset``."""
    wanted, snapshot, validated, store = opened(folder)
    data: Parts = prepare(wanted, snapshot, validated, store)
    columns = features(wanted)
    names = [column.name for column in columns]
    whole = pa.concat_tables([read_chunk(store, chunk, names) for chunk in snapshot.chunks])
    rows = _arrow(whole, columns) if arrow else _pandas(whole, columns)
    del whole
    params = parameters(wanted)
    held = data.test.rows[
        np.linspace(0, data.test.rows.size - 1, min(50_000, data.test.rows.size)).astype(int)
    ]
    take = rows.take if arrow else lambda numbers: rows.iloc[numbers]
    train = lgb.Dataset(
        take(data.train.rows),
        label=data.train.labels,
        categorical_feature=[p for p, column in enumerate(columns) if column.field.type == "category"],
        params=params,
    )
    labels = np.zeros(held.size)
    valid = lgb.Dataset(take(held), label=labels, reference=train, params=params)
    booster = lgb.train(params, train, wanted.training.rounds, valid_sets=[valid])
    return {"trees": trees_sha256(normalised(booster.model_to_string()))}


def _pandas(whole: pa.Table, columns: Any) -> Any:
    import pandas as pd

    found = whole.to_pandas()
    for column in columns:
        if column.field.values:  # noqa: PD011  not a frame's
            found[column.name] = pd.Categorical(found[column.name], categories=list(column.field.values))
    return found


def _arrow(whole: pa.Table, columns: Any) -> pa.Table:
    import pyarrow.compute as pc

    found = {}
    for column in columns:
        values = whole.column(column.name)
        if column.field.values:  # noqa: PD011  not a frame's
            values = pc.index_in(values, value_set=pa.array(column.field.values, values.type))
        found[column.name] = values.cast(pa.float64(), safe=False)
    return pa.table(found)


def read_and_bin(folder: str) -> dict[str, Any]:
    """The rows from the database into Arrow, and their bins: what no pipeline can do without."""
    import adbc_driver_sqlite.dbapi as adbc

    wanted = contract()
    columns = features(wanted)
    names = ", ".join(column.name for column in columns)
    with adbc.connect(f"{folder}/transactions.db") as connection, connection.cursor() as cursor:
        cursor.execute(f"select {names}, fraud from transactions order by at")  # noqa: S608  names of our own protocol
        whole = cursor.fetch_arrow_table()
    labels = whole.column("fraud").cast(pa.float64()).to_numpy()
    lgb.Dataset(
        _arrow(whole.select([c.name for c in columns]), columns), label=labels, params=parameters(wanted)
    ).construct()
    return {}


def dask(folder: str, workers: int) -> dict[str, Any]:
    """Workers with one thread each; the start of the cluster counts apart."""
    from pulse_blocks.training.distributed import boosting

    wanted, snapshot, validated, store = opened(folder)
    data = prepare(wanted, snapshot, validated, store)
    # One worker is no distributed training to Pulse, and the first row of a table.
    params = {**parameters(wanted, workers=workers), "num_machines": workers}
    run, took = boosting._run, {}

    def timed(*given: Any) -> Any:
        began, before = time.perf_counter(), _loopback()
        found = run(*given)
        took.update(seconds=time.perf_counter() - began, network_mb=(_loopback() - before) / 2**20)
        return found

    boosting._run = timed
    found = boosting.boost_on_workers(wanted, params, snapshot, store, data, None, None)
    return {"trees": trees_sha256(normalised(found.text)), "auc": found.history["auc"][-1], **took}


def threads(folder: str, count: int) -> dict[str, Any]:
    """One process with so many threads, timed as the workers are: reading labels apart. Rounds are told apart too."""
    wanted, snapshot, validated, store = opened(folder)
    data = prepare(wanted, snapshot, validated, store)
    construct, binning = lgb.Dataset.construct, [0.0, 0]

    def timed(self: lgb.Dataset) -> lgb.Dataset:
        began = time.perf_counter()
        binning[1] += 1
        try:
            return construct(self)
        finally:
            binning[1] -= 1
            if not binning[1]:  # a set constructs the one that it refers to
                binning[0] += time.perf_counter() - began

    lgb.Dataset.construct = timed
    began = time.perf_counter()
    found = boost(wanted, parameters(wanted, count), data.blocks, data.train, watched_parts(wanted, data))
    seconds = time.perf_counter() - began
    return {
        "seconds": seconds,
        "rounds_seconds": seconds - binning[0],
        "auc": found.history["auc"][-1],
    }


def process(folder: str) -> dict[str, Any]:
    """The training process of a run, its peak and all that it does beside the fit."""
    from pulse_blocks.training.process import Request, discard, fit

    wanted, snapshot, validated, _ = opened(folder, rounds=ROUNDS)
    request = Request(protocol=wanted, snapshot=snapshot, validated=validated, store=f"{folder}/store")
    done = fit(request, limit=None, timeout=7200)
    discard()
    return {"peak": done.peak}


def told(folder: str) -> dict[str, Any]:
    """The share of a fit that its callback takes, with a bar, and MLflow listening."""
    from pulse_blocks import progress
    from pulse_blocks.settings import Workspace
    from pulse_blocks.tracking import Tracking
    from pulse_blocks.training import rounds

    workspace = Workspace(
        root=folder, tracking=f"sqlite:///{folder}/mlflow.db", artifacts=f"{folder}/artifacts"
    )
    wanted, snapshot, validated, store = opened(folder)
    tracking = Tracking(workspace)
    run = tracking.open_run(wanted, snapshot.id, snapshot.hash, snapshot.datasource, "bench")
    data = prepare(wanted, snapshot, validated, store)
    call, inside = rounds.Rounds.__call__, [0.0]

    def timed(self: rounds.Rounds, env: Any) -> None:
        began = time.perf_counter()
        call(self, env)
        inside[0] += time.perf_counter() - began

    rounds.Rounds.__call__ = timed  # type: ignore[method-assign]
    began = time.perf_counter()
    with tracking.following_rounds(run), progress.listening(lambda said: f"{said.note} {said.done}"):  # type: ignore[arg-type, return-value]
        boost(wanted, parameters(wanted), data.blocks, data.train, watched_parts(wanted, data))
    return {"share": inside[0] / (time.perf_counter() - began)}


def _loopback() -> int:
    """Bytes that the loopback device has carried."""
    found = re.search(r"lo:\s+(\d+)", Path("/proc/net/dev").read_text())
    return int(found[1]) if found else 0


WAYS = {
    "ours": ours,
    "pandas": lambda folder: frame(folder, arrow=False),
    "arrow": lambda folder: frame(folder, arrow=True),
    "not-deterministic": lambda folder: ours(folder, deterministic=False),
    "read-and-bin": read_and_bin,
    "told": told,
    "process": process,
}


def main(way: str, folder: str) -> None:
    """Print seconds, peak memory and what the way gave."""
    if way == "make":
        print(json.dumps({"snapshot": make(folder).id}))
        return
    name, _, number = way.partition(":")
    reset_peak()
    began, before = time.perf_counter(), os.times()
    counted = {"dask": dask, "threads": threads}
    found = counted[name](folder, int(number)) if number else WAYS[name](folder)
    after = os.times()
    cpu = sum(after[:4]) - sum(before[:4])
    print(json.dumps({"seconds": time.perf_counter() - began, "cpu": cpu, "peak_mb": peak_mb(), **found}))


if __name__ == "__main__":
    main(*sys.argv[1:])
