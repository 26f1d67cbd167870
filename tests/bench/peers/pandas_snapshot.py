"""What people write without Pulse: the whole table through pandas into one Parquet file."""

# ruff: noqa: T201  it prints what it measured
from __future__ import annotations

import json
import sqlite3
import sys
import time
from pathlib import Path

from tests.bench.stopwatch import peak_mb


def main(database: str, file: str) -> None:
    """Read and write; print seconds and CPU seconds (imports not counted), peak memory, and the file's size."""
    import pandas as pd
    import pyarrow.parquet  # noqa: F401  or the first write would pay for it

    started, worked = time.perf_counter(), time.process_time()
    with sqlite3.connect(database) as connection:
        frame = pd.read_sql("select * from transactions order by at, transaction_id", connection)
    frame.to_parquet(file, index=False)
    seconds = time.perf_counter() - started
    found = {
        "seconds": seconds,
        "cpu": time.process_time() - worked,
        "peak_mb": peak_mb(),
        "bytes": Path(file).stat().st_size,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
