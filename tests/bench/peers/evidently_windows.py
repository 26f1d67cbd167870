"""Evidently's preset with its own choice of tests on the same windows, in a process of its own.

``python evidently_windows.py FOLDER``: reads what ``nannyml_windows.py`` reads and answers in ``evidently.json``.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
import time
from pathlib import Path

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.metrics import DriftedColumnsCount


def main(folder: Path) -> None:
    """The share of drifted columns in each window; without its page."""
    asked = json.loads((folder / "windows.json").read_text())
    began = time.monotonic()
    reference = pd.read_parquet(folder / "reference.parquet")
    numbers = [name for name in reference.columns if name not in ("scheduled", *asked["categorical"])]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=asked["categorical"])
    sample = Dataset.from_pandas(reference.sample(10_000, random_state=1), data_definition=definition)
    once, found = time.monotonic() - began, {}
    for window in asked["windows"]:
        current = Dataset.from_pandas(
            pd.read_parquet(folder / f"{window}.parquet"), data_definition=definition
        )
        (entry,) = Report([DriftedColumnsCount()]).run(current, sample).dict()["metrics"]
        found[window] = float(entry["value"]["share"])
    seconds = (time.monotonic() - began - once) / max(len(found), 1)
    peak = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    version = importlib.metadata.version("evidently")
    facts = {"shares": found, "once": once, "seconds": seconds, "mb": int(peak[1]) / 1024 if peak else 0}
    (folder / "evidently.json").write_text(
        json.dumps(facts | {"version": f"Evidently {version}, its defaults"})
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
