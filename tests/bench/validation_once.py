"""One validation of a snapshot by Pulse, with every failure case written to a file."""

# ruff: noqa: T201  it prints what it measured
from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path

from tests.bench.stopwatch import peak_mb
from tests.bench.transactions_file import protocol


def main(folder: str, source: str, failures: str) -> None:
    """Print seconds and CPU seconds (imports not counted) and peak memory."""
    import hypothesis  # noqa: F401  Pandera imports it at the first call, where it is there: only developers have it
    import pandera.polars  # noqa: F401
    import polars as pl

    from pulse_blocks.snapshots.memory import lean
    from pulse_blocks.snapshots.reading import all_snapshots
    from pulse_blocks.stores import open_store
    from pulse_blocks.validation import distribution, scan, table_checks, validate  # noqa: F401
    from pulse_blocks.validation.quarantine import RULES

    contract, store = protocol(source), open_store(folder)
    (snapshot,) = all_snapshots(store)
    started, worked = time.perf_counter(), time.process_time()
    with lean():
        done = validate(contract, snapshot, store)
    figures = {
        "seconds": time.perf_counter() - started,
        "read": 0.0,
        "cpu": time.process_time() - worked,
        "peak_mb": peak_mb(),
    }
    broken = pl.read_parquet(io.BytesIO(store.get(str(done.quarantine))))
    pairs = broken.select("transaction_id", RULES).iter_rows()
    lines = {_line(rule, key) for key, rules in pairs for rule in str(rules).split("; ")}
    Path(failures).write_text("\n".join(sorted(lines)))
    print(json.dumps(figures))


def _line(rule: str, key: object) -> str:
    column, _, check = rule.partition(": ")
    kind = check.partition(" ")[0] if check.startswith(("ge", "le")) else check
    return f"{column} {kind} {key}"


if __name__ == "__main__":
    main(*sys.argv[1:])
