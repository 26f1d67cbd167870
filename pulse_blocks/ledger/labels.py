"""What turned out to be true about an inference."""

from __future__ import annotations

from collections.abc import Sequence

from pulse_blocks.ledger.rows import Label, NewLabel
from pulse_blocks.ledger.table import Table, now_us

_LATEST = "select value from labels where inference = ? order by seq desc limit 1"
# SQLite's own limit on parameters is far above, PostgreSQL's plans get slow.
_GROUP = 500


class Labels(Table):
    """Labels are facts: a correction is a new row, and the newest counts."""

    def label(self, labels: Sequence[NewLabel]) -> int:
        """Keep labels in one transaction; returns how many were new.

        A label that says what the newest one of its inference says already is not kept again, so that
        sending the same labels twice is the same as once.
        """
        kept = 0
        with self._database.write() as transaction:
            for label in labels:
                if transaction.execute(_LATEST, (label.inference,)) == [(label.value,)]:
                    continue
                transaction.execute(
                    "insert into labels (inference, value, event_time, at) values (?,?,?,?)",
                    (label.inference, label.value, label.event_time, now_us()),
                )
                kept += 1
        return kept

    def labels(self, inference: str) -> list[Label]:
        """All labels of an inference, the oldest first; the last one counts."""
        rows = self._database.read(
            "select inference, value, event_time, at from labels where inference = ? order by seq",
            (inference,),
        )
        return [Label(inference=i, value=v, event_time=t, at=at) for i, v, t, at in rows]

    def models_of(self, inferences: Sequence[str]) -> dict[str, str]:
        """The model of each of these inferences that the ledger knows, by full id."""
        found: dict[str, str] = {}
        for start in range(0, len(inferences), _GROUP):
            group = inferences[start : start + _GROUP]
            marks = ",".join("?" * len(group))
            found |= dict(
                self._database.read(f"select id, model from inferences where id in ({marks})", group)  # noqa: S608 - marks only
            )
        return found
