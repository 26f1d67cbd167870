"""One snapshot of the transactions in this process: ingest and commit, as the first two stages do them."""

# ruff: noqa: T201  it prints what it measured
from __future__ import annotations

import json
import sys
import time

from tests.bench.stopwatch import peak_mb
from tests.bench.transactions_file import protocol


def main(source: str, folder: str) -> None:
    """Print seconds and CPU seconds (imports not counted), peak memory, and what was written."""
    import adbc_driver_sqlite.dbapi  # noqa: F401
    import datasketches  # noqa: F401
    import pandas as pd  # noqa: F401  Arrow imports it at the first array, where it is there
    import polars as pl  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import xxhash  # noqa: F401

    from pulse_blocks.settings import Datasource, Workspace
    from pulse_blocks.stages.context import Context
    from pulse_blocks.stages.ingest import ingest
    from pulse_blocks.stages.snapshot import snapshot

    url = source if source.endswith(".parquet") else f"sqlite:///{source}"
    workspace = Workspace(store=folder, datasources={"transactions": Datasource(url)})
    context = Context(protocol=protocol(source), workspace=workspace, window=EVER, attempt="")
    started, worked = time.perf_counter(), time.process_time()
    raw = ingest(EVER, context)
    ingested = time.perf_counter()
    taken = snapshot(raw, context)
    done = time.perf_counter()
    found = {
        "seconds": done - started,
        "cpu": time.process_time() - worked,
        "ingest": ingested - started,
        "commit": done - ingested,
        "peak_mb": peak_mb(),
        "bytes": taken.bytes,
        "new_bytes": taken.new_bytes,
        "rows": taken.rows,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    from pulse_blocks.records import Window

    EVER = Window(start="2000-01-01T00:00:00Z", end="2100-01-01T00:00:00Z")
    main(*sys.argv[1:])
