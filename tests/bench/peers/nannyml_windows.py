"""NannyML's univariate drift on the same windows: run in an environment of its own, reads and writes files.

``python nannyml_windows.py FOLDER``: ``reference.parquet`` is what it is fitted on, in chunks of seven days;
``windows.json`` names the files to judge and gets the answer back as ``nannyml.json``.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import nannyml
import pandas as pd


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
        chunk_size=len(reference) // 12,
    )
    calculator.fit(reference)
    fitted = time.monotonic() - began
    found = {}
    for window in asked["windows"]:
        data = pd.read_parquet(folder / f"{window}.parquet")
        result = calculator.calculate(data)
        alerts = result.filter(period="analysis").to_df()
        columns = [column for column in alerts.columns if column[-1] == "alert"]
        found[window] = float(alerts[columns].iloc[0].mean())
    seconds = (time.monotonic() - began - fitted) / max(len(found), 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    (folder / "nannyml.json").write_text(
        json.dumps(
            {"alerts": found, "fit": fitted, "seconds": seconds, "mb": peak, "version": nannyml.__version__}
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
