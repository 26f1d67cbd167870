"""Attempts at running a pipeline: what a run that was killed had finished, and who may go on with it."""

from __future__ import annotations

import uuid_utils

from pulse_blocks import ids
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger.base import Row, Transaction
from pulse_blocks.ledger.outbox import put
from pulse_blocks.ledger.owner import Owner, is_alive, this_process
from pulse_blocks.ledger.rows import Attempt, AttemptState, NewEvent, StageRow, State
from pulse_blocks.ledger.table import Table, now_us, prefix_range

# An owner on another host counts as dead after this long without a heartbeat.
SILENCE_SECONDS = 60
# An attempt that was left unfinished longer ago is not gone on with: its data are of another day.
RESUMABLE_SECONDS = 24 * 3600


class Attempts(Table):
    """One row a try, and one for each of its finished stages."""

    def begin(self, name: str, key: str) -> Attempt:
        """Go on with the newest attempt of ``name`` and ``key`` that was left unfinished, or start one.

        An attempt is left unfinished where it has not ended and its process is dead. Of two processes that
        ask at once one goes on with it and the other starts anew. What is older than a finished or resumed
        attempt is given up, so that nobody returns to data of long ago.
        """
        with self._database.write() as transaction:
            left = _left_unfinished(transaction, name, key)
            if left:
                _give_up(transaction, left[1:])
                return _resume(transaction, left[0])
            return _start(transaction, name, key)

    def heartbeat(self, attempt: str) -> None:
        """Say that the attempt's process lives. Raises PulseError where another process has taken it over."""
        me = this_process()
        with self._database.write() as transaction:
            mine = transaction.execute(
                "update attempts set heartbeat = ? where id = ? and owner_host = ? and owner_pid = ?"
                " and owner_started = ? returning id",
                (now_us(), attempt, me.host, me.pid, me.started),
            )
        if not mine:
            raise PulseError(
                "attempt.taken_over",
                f"{attempt} is no longer run by this process: another one has taken it over.",
                "Let the other process finish.",
            )

    def finish_stage(
        self,
        attempt: str,
        stage: str,
        record_id: str,
        record: bytes,
        seconds: float,
        event: NewEvent | None = None,
    ) -> None:
        """Keep a stage's record (JSON), and put ``event`` into the outbox, in one transaction.

        The first record stays where the stage is finished twice, and the event is not repeated.
        """
        with self._database.write() as transaction:
            new = transaction.execute(
                "insert into stages (attempt, stage, record_id, record, finished, seconds)"
                " values (?,?,?,?,?,?) on conflict (attempt, stage) do nothing returning attempt",
                (attempt, stage, record_id, record.decode(), now_us(), seconds),
            )
            if new and event:
                put(transaction, event.event, event.resource, event.payload)

    def end(self, attempt: str, state: State, message: str = "") -> None:
        """Close an attempt. An attempt that has ended stays as it is."""
        with self._database.write() as transaction:
            transaction.execute(
                "update attempts set ended = ?, state = ?, message = ? where id = ? and ended is null",
                (now_us(), state, message, attempt),
            )

    def newest_attempts(self) -> list[AttemptState]:
        """The newest attempt of every name, by name."""
        rows = self._database.read(
            "select id, name, state, started, ended, message, owner_host, owner_pid, owner_started, heartbeat"
            " from attempts where id in (select max(id) from attempts group by name) order by name"
        )
        return [_state(row) for row in rows]

    def attempt(self, attempt: str) -> AttemptState | None:
        """How the attempt with this id stands."""
        rows = self._database.read(
            "select id, name, state, started, ended, message, owner_host, owner_pid, owner_started, heartbeat"
            " from attempts where id = ?",
            (attempt,),
        )
        return _state(rows[0]) if rows else None

    def stage_rows(self, record_id_prefix: str, stage: str | None = None) -> list[StageRow]:
        """Finished stages whose record's id begins so, the oldest first."""
        low, high = prefix_range(record_id_prefix)
        rows = self._database.read(
            "select attempt, stage, record_id, record, finished, seconds from stages"
            " where record_id >= ? and record_id < ? and (cast(? as text) is null or stage = ?) order by finished",
            (low, high, stage, stage),
        )
        return list(map(_stage_row, rows))

    def stages_beside(self, stage: str, record_id: str, other: str) -> list[StageRow]:
        """The stages ``other`` of all attempts whose ``stage`` left this record, the oldest first."""
        rows = self._database.read(
            "select o.attempt, o.stage, o.record_id, o.record, o.finished, o.seconds from stages s"
            " join stages o on o.attempt = s.attempt and o.stage = ?"
            " where s.record_id = ? and s.stage = ? order by o.finished",
            (other, record_id, stage),
        )
        return list(map(_stage_row, rows))

    def protocols_on(self, snapshot: str) -> list[str]:
        """The names of the protocols whose runs have trained on a snapshot, or were about to, sorted."""
        rows = self._database.read(
            "select distinct a.name from stages s join attempts a on a.id = s.attempt"
            " where s.record_id = ? and s.stage = 'snapshot' order by a.name",
            (snapshot,),
        )
        return [name for (name,) in rows]

    def stages_of(self, attempt: str) -> dict[str, StageRow]:
        """The finished stages of an attempt, by name."""
        rows = self._database.read(
            "select attempt, stage, record_id, record, finished, seconds from stages where attempt = ?",
            (attempt,),
        )
        return {row.stage: row for row in map(_stage_row, rows)}


def _stage_row(row: Row) -> StageRow:
    attempt, stage, record_id, record, finished, seconds = row
    return StageRow(
        attempt=attempt,
        stage=stage,
        record_id=record_id,
        record=record.encode(),
        finished=finished,
        seconds=seconds,
    )


def _state(row: Row) -> AttemptState:
    attempt, name, state, started, ended, message, *owner, heartbeat = row
    if ended is None and _is_dead(Owner(*owner), heartbeat):
        state = "interrupted"
    return AttemptState(id=attempt, name=name, state=state, started=started, ended=ended, message=message)


def _left_unfinished(transaction: Transaction, name: str, key: str) -> list[str]:
    """Open attempts of the last day without a living owner, newer than the last completed, newest first."""
    rows = transaction.execute(
        "select id, owner_host, owner_pid, owner_started, heartbeat from attempts"
        " where name = ? and key = ? and ended is null and started > ? and started > coalesce("
        "(select max(started) from attempts where name = ? and key = ? and state = 'completed'), 0)"
        " order by started desc, id desc",
        (name, key, now_us() - RESUMABLE_SECONDS * 1_000_000, name, key),
    )
    return [row[0] for row in rows if _is_dead(Owner(row[1], row[2], row[3]), row[4])]


def _is_dead(owner: Owner, heartbeat: int) -> bool:
    alive = is_alive(owner)
    if alive is None:
        return heartbeat < now_us() - SILENCE_SECONDS * 1_000_000
    return not alive


def _give_up(transaction: Transaction, attempts: list[str]) -> None:
    for attempt in attempts:
        transaction.execute(
            "update attempts set ended = ?, state = 'failed', message = ? where id = ?",
            (now_us(), "Its process died, and a newer attempt was resumed.", attempt),
        )


def _resume(transaction: Transaction, attempt: str) -> Attempt:
    me = this_process()
    transaction.execute(
        "update attempts set owner_host = ?, owner_pid = ?, owner_started = ?, heartbeat = ? where id = ?",
        (me.host, me.pid, me.started, now_us(), attempt),
    )
    started = transaction.execute("select started from attempts where id = ?", (attempt,))[0][0]
    rows = transaction.execute(
        "select stage, record, seconds from stages where attempt = ? order by finished", (attempt,)
    )
    return Attempt(
        id=attempt,
        resumed=True,
        started=started,
        records={stage: record.encode() for stage, record, _ in rows},
        seconds={stage: seconds for stage, _, seconds in rows},
    )


def _start(transaction: Transaction, name: str, key: str) -> Attempt:
    attempt, me, now = f"attempt_{ids.base32(uuid_utils.uuid7().int)}", this_process(), now_us()
    transaction.execute(
        "insert into attempts (id, name, key, owner_host, owner_pid, owner_started, heartbeat, started,"
        " state, message) values (?,?,?,?,?,?,?,?,'running','')",
        (attempt, name, key, me.host, me.pid, me.started, now, now),
    )
    return Attempt(id=attempt, resumed=False, started=now, records={}, seconds={})
