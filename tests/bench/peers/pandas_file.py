"""A Parquet file written again by pandas, as the step before ``dvc add``: reading it is not counted."""

# ruff: noqa: T201  it prints what it measured
from __future__ import annotations

import json
import sys
import time


def main(source: str, file: str) -> None:
    """Print seconds (imports not counted)."""
    import pandas as pd

    frame = pd.read_parquet(source)
    started = time.perf_counter()
    frame.to_parquet(file, index=False)
    print(json.dumps({"seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main(*sys.argv[1:])
