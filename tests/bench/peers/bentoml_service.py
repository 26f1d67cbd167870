"""BentoML with adaptive batching: a list of records in, probabilities out. Run in BentoML's own environment.

The body is not checked beyond being a list of objects, and nothing is recorded: more than Pulse's work is left out.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import bentoml
import lightgbm as lgb
import numpy as np

_COLUMNS: dict[str, Any] = json.loads(Path(os.environ["PEER_COLUMNS"]).read_text())


@bentoml.service(
    workers=1, traffic={"timeout": 60, "max_concurrency": 1000}, logging={"access": {"enabled": False}}
)
class Scores:
    """The model of the benchmark."""

    def __init__(self) -> None:
        self.booster = lgb.Booster(model_file=os.environ["PEER_MODEL"])
        self.names = _COLUMNS["names"]
        self.codes = {
            name: {value: code for code, value in enumerate(values)}
            for name, values in _COLUMNS["categories"].items()
        }

    @bentoml.api(batchable=True, max_batch_size=1024, max_latency_ms=1000)
    def predict(self, records: list[dict[str, Any]]) -> list[float]:
        """Probabilities, of whatever many requests brought together."""
        rows = [
            [record[name] for name in self.names] + [self.codes[name][record[name]] for name in self.codes]
            for record in records
        ]
        return [float(value) for value in self.booster.predict(np.array(rows), num_threads=1)]
