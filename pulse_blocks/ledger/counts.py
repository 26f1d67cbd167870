"""How many inferences each model has made, without counting ten million rows every time.

What is older than a border is counted once and kept (sealed); a question counts what came after it. Whoever adds
old rows (a drained spool) or takes rows away (an archive) breaks the seal in the same transaction, so that a
kept count is never wrong, only missing. Appending of new replies does nothing for it.
"""

from __future__ import annotations

from collections.abc import Iterable

from pulse_blocks.ledger.table import Table

_BORDER = "select until from sealed_counts where model = ? and count >= 0"
_ALL = "select count(*) from inferences where model = ?"
# The border is a value of the query: PostgreSQL takes a third of the table to lie behind one that it does not know,
# and reads all of it. Both counts are of one moment: without the first one the seal has been broken meanwhile.
_SINCE = (
    "select (select count from sealed_counts where model = ? and until = ? and count >= 0),"
    " (select count(*) from inferences where model = ? and at >= ?)"
)
# Stands for a count while it is being counted.
_COUNTING = -1


class Counts(Table):
    """Counts of the rows that are in the ledger; archived ones are counted by the index over files."""

    def inference_counts(self, models: Iterable[str]) -> dict[str, int]:
        """How many inferences of each of these models the ledger holds."""
        return {model: self._inference_count(model) for model in models}

    def _inference_count(self, model: str) -> int:
        for (until,) in self._database.read(_BORDER, (model,)):
            kept, later = self._database.read(_SINCE, (model, until, model, until))[0]
            if kept is not None:
                return int(kept) + int(later)
        return int(self._database.read(_ALL, (model,))[0][0])

    def seal_count(self, model: str, until: int) -> None:
        """Count a model's inferences before ``until`` (microseconds since 1970) for good.

        ``until`` must lie so far back that no runtime still appends rows from before it.
        """
        kept = self._database.read(_BORDER, (model,))
        if kept and kept[0][0] >= until:
            return
        with self._database.write() as transaction:
            # If a row goes or comes meanwhile, this one is gone when the count is to be entered.
            transaction.execute("delete from sealed_counts where model = ?", (model,))
            transaction.execute(
                "insert into sealed_counts (model, until, count) values (?,?,?)", (model, until, _COUNTING)
            )
        rows = self._database.read(
            "select count(*) from inferences where model = ? and at < ?", (model, until)
        )
        with self._database.write() as transaction:
            transaction.execute(
                "update sealed_counts set count = ? where model = ? and until = ? and count = ?",
                (rows[0][0], model, until, _COUNTING),
            )

    def sealed_counts(self) -> dict[str, tuple[int, int]]:
        """The border and the count before it of each model that has one."""
        rows = self._database.read("select model, until, count from sealed_counts where count >= 0")
        return {model: (int(until), int(count)) for model, until, count in rows}
