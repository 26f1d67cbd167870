"""Results of stages by what decides them: a run that changes nothing of that finds them again."""

from __future__ import annotations

from pulse_blocks.ledger.rows import StageRow
from pulse_blocks.ledger.table import Table


class Results(Table):
    """The key of each finished stage that has one; the record itself is the stage's."""

    def keep_key(self, attempt: str, stage: str, key: str) -> None:
        """Say what decided a stage's result. The first key stays."""
        with self._database.write() as transaction:
            transaction.execute(
                "insert into stage_keys (attempt, stage, key) values (?,?,?)"
                " on conflict (attempt, stage) do nothing",
                (attempt, stage, key),
            )

    def result(self, stage: str, key: str) -> StageRow | None:
        """The newest finished stage of that name which the same key decided."""
        rows = self._database.read(
            "select s.attempt, s.stage, s.record_id, s.record, s.finished, s.seconds from stage_keys k"
            " join stages s on s.attempt = k.attempt and s.stage = k.stage"
            " where k.key = ? and k.stage = ? order by s.finished desc, s.attempt desc limit 1",
            (key, stage),
        )
        if not rows:
            return None
        attempt, name, record_id, record, finished, seconds = rows[0]
        return StageRow(
            attempt=attempt,
            stage=name,
            record_id=record_id,
            record=record.encode(),
            finished=finished,
            seconds=seconds,
        )
