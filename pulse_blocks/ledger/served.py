"""What a model was asked of late, and what turned out to be true of it."""

from __future__ import annotations

from collections.abc import Sequence

from pulse_blocks.ledger.rows import Fact
from pulse_blocks.ledger.table import Table

_GROUP = 500


class Served(Fact, frozen=True, kw_only=True):
    """A request that was answered; ``input`` is its JSON."""

    id: str
    at: int
    input: str


class ServedRequests(Table):
    """Requests by the model that answered them."""

    def served_after(self, model: str, after: tuple[int, str], limit: int) -> list[Served]:
        """The next ``limit`` requests of a model after a time and id, the oldest first."""
        rows = self._database.read(
            "select id, at, input from inferences where model = ? and (at, id) > (?, ?) order by at, id limit ?",
            (model, *after, limit),
        )
        return [Served(id=i, at=at, input=text) for i, at, text in rows]

    def latest_labels(self, inferences: Sequence[str]) -> dict[str, str]:
        """The newest label (JSON) of each of these inferences that has one."""
        found: dict[str, str] = {}
        for start in range(0, len(inferences), _GROUP):
            group = inferences[start : start + _GROUP]
            marks = ",".join("?" * len(group))
            found |= dict(
                self._database.read(
                    f"select inference, value from labels where inference in ({marks}) order by seq",  # noqa: S608 - marks only
                    group,
                )
            )
        return found
