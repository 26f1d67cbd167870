"""The same rules by Pandera on pandas, all failures collected."""

# ruff: noqa: T201  it prints what it measured
from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from tests.bench.stopwatch import peak_mb

KINDS = {
    "greater": "ge",
    "less": "le",
    "isin": "values",
    "not_nullable": "not null",
    "field_uniqueness": "unique",
}


def main(file: str, rules: str, failures: str) -> None:
    """Print seconds and CPU seconds (imports not counted) and peak memory."""
    import pandas as pd
    import pandera.pandas as pa
    import pyarrow.parquet  # noqa: F401

    asked = json.loads(Path(rules).read_text())
    columns = {}
    for name, rule in asked["columns"].items():
        checks = [pa.Check.ge(rule["ge"])] if rule["ge"] is not None else []
        checks += [pa.Check.le(rule["le"])] if rule["le"] is not None else []
        checks += [pa.Check.isin(rule["values"])] if rule["values"] else []
        unique = name == asked["unique"]
        columns[name] = pa.Column(checks=checks, nullable=rule["nullable"], unique=unique)
    schema = pa.DataFrameSchema(columns, checks=pa.Check(lambda frame: len(frame) >= asked["rows"]))
    started, worked = time.perf_counter(), time.process_time()
    frame = pd.read_parquet(file)
    read = time.perf_counter()
    try:
        schema.validate(frame, lazy=True)
        cases = pd.DataFrame({"column": [], "check": [], "index": []})
    except pa.errors.SchemaErrors as errors:
        cases = errors.failure_cases
    figures = {
        "seconds": time.perf_counter() - started,
        "read": read - started,
        "cpu": time.process_time() - worked,
        "peak_mb": peak_mb(),
    }
    keys = frame[asked["unique"]]
    lines = {
        f"{column} {KINDS[str(check).partition('(')[0].partition('_than')[0]]} {keys[int(row)]}"
        for column, check, row in cases[["column", "check", "index"]].itertuples(index=False)
    }
    Path(failures).write_text("\n".join(sorted(lines)))
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
