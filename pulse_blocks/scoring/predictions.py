"""The columns with predictions that a file of a scoring has behind those of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from pulse_blocks.protocol.spec import Protocol

if TYPE_CHECKING:
    import pyarrow as pa

_NAMES = {"probability": "float64", "decision": "bool", "value": "float64"}
_CLASS = "probability_"


class Columns:
    """``probability`` and ``decision``; ``value``; or ``probability_CLASS`` for each class, by the task."""

    def __init__(self, protocol: Protocol) -> None:
        import pyarrow as pa

        self._classes: list[str] = []
        if protocol.task == "multiclass-classification":
            self._classes = [str(value) for value in protocol.target.values or ()]
            self.schema = pa.schema([(_CLASS + name, pa.float64()) for name in self._classes])
        else:
            names = ("value",) if protocol.task == "regression" else ("probability", "decision")
            kinds = {"float64": pa.float64(), "bool": pa.bool_()}
            self.schema = pa.schema([(name, kinds[_NAMES[name]]) for name in names])

    def of(self, outputs: Sequence[bytes]) -> list[pa.Array]:
        """The columns of outputs, which are JSON objects."""
        import pyarrow as pa

        decoded: list[dict[str, Any]] = [msgspec.json.decode(output) for output in outputs]
        if self._classes:
            return [
                pa.array([one["probabilities"][name] for one in decoded], pa.float64())
                for name in self._classes
            ]
        return [pa.array([one[field.name] for one in decoded], field.type) for field in self.schema]
