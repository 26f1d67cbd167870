"""BentoML with adaptive batching: a list of records in, probabilities out. Run in BentoML's own environment.

With ``PEER_CHECKED`` records have a type, which is BentoML's own way to a contract: ranges and categories hold.
Without it the body is not checked beyond being a list of objects. Nothing is recorded either way.
"""

# No postponed annotations: BentoML reads them.

import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal

import bentoml
import lightgbm as lgb
import numpy as np
from pydantic import BaseModel, Field, create_model

_COLUMNS: dict[str, Any] = json.loads(Path(os.environ["PEER_COLUMNS"]).read_text())


def _record() -> Any:
    """The type of a record, as the protocol of the benchmark's model says it."""
    if not os.environ.get("PEER_CHECKED"):
        return dict[str, Any]
    number = Annotated[float, Field(ge=-100, le=100)]
    fields: dict[str, Any] = dict.fromkeys(_COLUMNS["names"], (number, ...))
    fields |= {name: (Literal[tuple(values)], ...) for name, values in _COLUMNS["categories"].items()}
    return create_model("Record", __base__=BaseModel, **fields)


Record = _record()


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
    def predict(self, records: list[Record]) -> list[float]:
        """Probabilities, of whatever many requests brought together."""
        rows = [
            [record[name] for name in self.names] + [self.codes[name][record[name]] for name in self.codes]
            for record in (one if isinstance(one, dict) else one.__dict__ for one in records)
        ]
        return [float(value) for value in self.booster.predict(np.array(rows), num_threads=1)]
