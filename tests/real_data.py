"""Data sets that scikit-learn ships, as a project's datasource: two classes, ten classes, a value."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn import datasets

from pulse_blocks import settings
from pulse_blocks.protocol.writing import as_yaml
from pulse_blocks.settings import Workspace

_BINARY, _MULTICLASS, _REGRESSION = "binary-classification", "multiclass-classification", "regression"


def project(folder: Path) -> Workspace:
    """An empty project whose datasource ``real`` has the tables ``cancer``, ``digits``, ``wine`` and ``diabetes``."""
    (folder / "protocols").mkdir(parents=True)
    (folder / ".pulse").mkdir()
    (folder / ".pulse" / "workspace.toml").write_text(
        '[datasources.real]\nurl = "sqlite:///.pulse/real.db"\n'
    )
    with sqlite3.connect(folder / ".pulse" / "real.db") as db:
        for name in ("cancer", "digits", "wine", "diabetes"):
            frame(name).to_sql(name, db, index=False)
    db.close()
    return settings.load(folder, environ={})


def frame(name: str) -> pd.DataFrame:
    """A data set with its target as ``y``, a row number, a group of about ten rows, and a weight."""
    load = {"cancer": "load_breast_cancer"}.get(name, f"load_{name}")
    data = getattr(datasets, load)(as_frame=True)
    found = data.data.rename(columns=lambda column: column.replace(" ", "_").replace("/", "_"))
    number = np.arange(len(found))
    return found.assign(row_number=number, clinic=number % 57, counts=1.0 + number % 3, y=data.target)


def write_protocol(workspace: Workspace, table: str, name: str, **sections: Any) -> None:
    """A protocol of a data set, with these sections in the place of its own."""
    data = frame(table)
    task = {"cancer": _BINARY, "diabetes": _REGRESSION}.get(table, _MULTICLASS)
    target: dict[str, Any] = {"name": "y", "type": "float"}
    if task != _REGRESSION:
        target = {"name": "y", "type": "int", "values": [int(value) for value in np.unique(data["y"])]}
    features = [column for column in data.columns if column not in ("row_number", "clinic", "counts", "y")]
    query = f"select * from {table}"  # noqa: S608  a name of ours
    written = {
        "pulse": 1,
        "name": name,
        "version": "1.0.0",
        "task": task,
        "source": {"datasource": "real", "query": query, "key": ["row_number"]},
        "features": {feature: {"type": "float"} for feature in features},
        "columns": {
            "row_number": {"type": "int"},
            "clinic": {"type": "int"},
            "counts": {"type": "float", "gt": 0},
        },
        "target": target,
        "training": {"seed": 5, "rounds": 30, "params": {"num_leaves": 7, "min_data_in_leaf": 5}},
    }
    (workspace.protocols / f"{name}.yaml").write_text(as_yaml({**written, **sections}))
