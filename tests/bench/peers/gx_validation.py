"""The same rules by Great Expectations on pandas, with the key of every row that breaks one."""

# ruff: noqa: T201  it prints what it measured
from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from tests.bench.stopwatch import peak_mb


def main(file: str, rules: str, failures: str) -> None:
    """Print seconds and CPU seconds (imports not counted) and peak memory."""
    import great_expectations as gx
    import pandas as pd
    import pyarrow.parquet  # noqa: F401

    asked = json.loads(Path(rules).read_text())
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    suite = gx.ExpectationSuite(name="rules", expectations=[each for _, each in _expectations(gx, asked)])
    key = asked["unique"]
    started, worked = time.perf_counter(), time.process_time()
    frame = pd.read_parquet(file)
    read = time.perf_counter()
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("transactions")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    result = batch.validate(
        suite, result_format={"result_format": "COMPLETE", "unexpected_index_column_names": [key]}
    )
    figures = {
        "seconds": time.perf_counter() - started,
        "read": read - started,
        "cpu": time.process_time() - worked,
        "peak_mb": peak_mb(),
    }
    lines = {line for one in result.results for line in _lines(one, key)}
    Path(failures).write_text("\n".join(sorted(lines)))
    print(json.dumps(figures))


def _expectations(gx: Any, asked: dict[str, Any]) -> list[tuple[str, Any]]:
    """Each bound as an expectation of its own, so that failures tell which."""
    found: list[tuple[str, Any]] = []
    for name, rule in asked["columns"].items():
        if rule["ge"] is not None:
            found.append(("ge", _between(gx, name, "ge", min_value=rule["ge"])))
        if rule["le"] is not None:
            found.append(("le", _between(gx, name, "le", max_value=rule["le"])))
        if rule["values"]:
            check = gx.expectations.ExpectColumnValuesToBeInSet(
                column=name, value_set=rule["values"], meta={"kind": "values"}
            )
            found.append(("values", check))
        if not rule["nullable"]:
            check = gx.expectations.ExpectColumnValuesToNotBeNull(column=name, meta={"kind": "not null"})
            found.append(("not null", check))
    unique = gx.expectations.ExpectColumnValuesToBeUnique(column=asked["unique"], meta={"kind": "unique"})
    rows = gx.expectations.ExpectTableRowCountToBeBetween(min_value=asked["rows"], meta={"kind": "rows"})
    return [*found, ("unique", unique), ("rows", rows)]


def _between(gx: Any, name: str, kind: str, **bounds: float) -> Any:
    return gx.expectations.ExpectColumnValuesToBeBetween(column=name, meta={"kind": kind}, **bounds)


def _lines(result: Any, key: str) -> list[str]:
    config = result.expectation_config
    rows = (result.result or {}).get("unexpected_index_list") or []
    return [f"{config.kwargs['column']} {config.meta['kind']} {row[key]}" for row in rows]


if __name__ == "__main__":
    main(*sys.argv[1:])
