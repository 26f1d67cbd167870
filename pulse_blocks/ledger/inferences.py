"""Replies of the runtime, one row each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pulse_blocks.errors import PulseError
from pulse_blocks.ledger.base import InferenceTuple, Row
from pulse_blocks.ledger.rows import Inference
from pulse_blocks.ledger.table import Table, prefix_range

_SELECT = (
    "select id, at, event_time, source_key, model, input, output, input_sha256, output_sha256, latency_us,"
    " flags from inferences"
)


class Inferences(Table):
    """Facts that are only ever added."""

    def append(self, rows: Sequence[InferenceTuple]) -> None:
        """Add inferences in one durable transaction: all of them or none (see ``InferenceTuple``)."""
        self._database.append(rows)

    def inference(self, id_or_prefix: str) -> Inference:
        """The inference with this id or unique prefix.

        Raises PulseError ``lineage.unknown`` or ``lineage.ambiguous``.
        """
        rows = self._database.read(
            f"{_SELECT} where id >= ? and id < ? order by id limit 2", prefix_range(id_or_prefix)
        )
        if not rows:
            raise PulseError(
                "lineage.unknown",
                f"The ledger knows no inference {id_or_prefix}.",
                "Check the id, and that this is the workspace whose runtime answered.",
            )
        if len(rows) > 1 and rows[0][0] != id_or_prefix:
            raise PulseError(
                "lineage.ambiguous",
                f"{id_or_prefix} begins more than one id: {rows[0][0]} and {rows[1][0]} among others.",
                "Give more digits.",
            )
        return _inference(rows[0])

    def inference_counts(self, models: Iterable[str]) -> dict[str, int]:
        """How many inferences each of these models has made."""
        count = "select count(*) from inferences where model = ?"
        return {model: self._database.read(count, (model,))[0][0] for model in models}


def _inference(row: Row) -> Inference:
    facts = dict(zip(Inference.__struct_fields__, row, strict=True))
    for name in ("input_sha256", "output_sha256"):
        facts[name] = bytes(facts[name]).hex()
    return Inference(**facts)
