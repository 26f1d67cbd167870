"""NannyML's univariate drift on the same windows: run in an environment of its own, reads and writes files.

``python nannyml_windows.py FOLDER``: ``reference.parquet`` is what it is fitted on, in twelve chunks;
``windows.json`` names the files to judge and gets the answer back as ``nannyml.json``.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

import nannyml
import pandas as pd
from nannyml.chunk import SizeBasedChunker


def main(folder: Path) -> None:
    """The share of features with an alert in each window, with NannyML's own thresholds (three deviations)."""
    asked = json.loads((folder / "windows.json").read_text())
    reference = pd.read_parquet(folder / "reference.parquet")
    names = [name for name in reference.columns if name != "scheduled"]
    began = time.monotonic()
    calculator = nannyml.UnivariateDriftCalculator(
        column_names=names,
        treat_as_categorical=asked["categorical"],
        timestamp_column_name="scheduled",
        continuous_methods=["wasserstein"],
        categorical_methods=["jensen_shannon"],
        # A window that has some rows more is one chunk all the same.
        chunker=SizeBasedChunker(len(reference) // 12, "append", "scheduled"),
    )
    calculator.fit(reference)
    once, found = time.monotonic() - began, {}
    for window in asked["windows"]:
        data = pd.read_parquet(folder / f"{window}.parquet")
        calculator.chunker = SizeBasedChunker(len(data), "append", "scheduled")
        alerts = calculator.calculate(data).filter(period="analysis").to_df()
        columns = [column for column in alerts.columns if column[-1] == "alert"]
        found[window] = float(alerts[columns].iloc[0].mean())
    seconds = (time.monotonic() - began - once) / max(len(found), 1)
    peak = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    facts = {"shares": found, "once": once, "seconds": seconds, "mb": int(peak[1]) / 1024 if peak else 0}
    (folder / "nannyml.json").write_text(json.dumps(facts | {"version": f"NannyML {nannyml.__version__}"}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
