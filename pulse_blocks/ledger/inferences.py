"""Replies of the runtime, one row each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pulse_blocks.ledger.base import InferenceTuple, Row
from pulse_blocks.ledger.rows import Inference
from pulse_blocks.ledger.table import Table

_SELECT = (
    "select id, at, event_time, source_key, model, input, output, input_sha256, output_sha256, latency_us,"
    " flags from inferences"
)
_PAGE = 2_000


class Inferences(Table):
    """Facts that are only ever added."""

    def append(self, rows: Sequence[InferenceTuple]) -> None:
        """Add inferences in one durable transaction: all of them or none (see ``InferenceTuple``)."""
        self._database.append(rows)

    def append_at_once(self, rows: Sequence[InferenceTuple]) -> bool:
        """The same where the database can do it without waiting for others; False where nothing was done."""
        return self._database.append_at_once(rows)

    def append_missing(self, rows: Sequence[InferenceTuple]) -> None:
        """The same for rows of which some may be there already, by their ids: twice is the same as once."""
        self._database.append_missing(rows)

    def inference(self, id_or_prefix: str) -> Inference:
        """The inference with this id or unique prefix.

        Raises PulseError ``lineage.unknown`` or ``lineage.ambiguous``.
        """
        return _inference(
            self._only(
                _SELECT,
                id_or_prefix,
                "inference",
                "Check the id, and that this is the workspace whose runtime answered.",
            )
        )

    def inferences_since(self, model: str, at: int) -> int:
        """How many inferences a model has made from ``at`` (microseconds since 1970) on."""
        count = "select count(*) from inferences where model = ? and at >= ?"
        return int(self._database.read(count, (model, at))[0][0])

    def inference_ids(self, model: str) -> Iterator[str]:
        """The ids of a model's inferences, the oldest first, a page at a time: memory does not grow."""
        last: tuple[int, str] = (-1, "")
        while True:
            rows = self._database.read(
                "select at, id from inferences where model = ? and (at, id) > (?, ?) order by at, id limit ?",
                (model, *last, _PAGE),
            )
            yield from (row[1] for row in rows)
            if len(rows) < _PAGE:
                return
            last = rows[-1][0], rows[-1][1]

    def each_inference(self) -> Iterator[Inference]:
        """Every inference, by id and so by time, a page at a time: memory does not grow."""
        last = ""
        while True:
            rows = self._database.read(f"{_SELECT} where id > ? order by id limit ?", (last, _PAGE))
            yield from map(_inference, rows)
            if len(rows) < _PAGE:
                return
            last = rows[-1][0]

    def oldest_inference(self) -> str | None:
        """The id of the first inference that the ledger still holds."""
        rows = self._database.read("select id from inferences order by id limit 1")
        return rows[0][0] if rows else None


def _inference(row: Row) -> Inference:
    facts = dict(zip(Inference.__struct_fields__, row, strict=True))
    for name in ("input_sha256", "output_sha256"):
        facts[name] = bytes(facts[name]).hex()
    return Inference(**facts)
