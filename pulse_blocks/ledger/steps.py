"""Steps of a run that are flow runs of their own, somewhere else: which there are, and whether each still lives."""

from __future__ import annotations

from pulse_blocks.ledger.rows import Fact
from pulse_blocks.ledger.table import Table, now_us


class Step(Fact, frozen=True, kw_only=True):
    """One step. ``pipeline`` is the flow run that waits for it, ``memory`` the limits that were tried, its own last.

    ``heartbeat`` is when it was last heard of, None before it has begun.
    """

    flow_run: str
    attempt: str
    pipeline: str
    memory: str
    started: int
    heartbeat: int | None


class Steps(Table):
    """The steps of all attempts."""

    def begin_step(self, flow_run: str, attempt: str, pipeline: str, memory: str) -> None:
        """Remember a flow run that was started for an attempt, and who waits for it; the latest counts."""
        with self._database.write() as transaction:
            transaction.execute(
                "insert into steps (flow_run, attempt, pipeline, memory, started) values (?,?,?,?,?)"
                " on conflict (flow_run) do update set pipeline = excluded.pipeline",
                (flow_run, attempt, pipeline, memory, now_us()),
            )

    def step_heartbeat(self, flow_run: str) -> str | None:
        """Say that a step lives. Returns the flow run that waits for it, None where nobody knows the step."""
        with self._database.write() as transaction:
            rows = transaction.execute(
                "update steps set heartbeat = ? where flow_run = ? returning pipeline", (now_us(), flow_run)
            )
        return str(rows[0][0]) if rows else None

    def steps(self, attempt: str) -> list[Step]:
        """The steps of an attempt, the oldest first."""
        rows = self._database.read(
            "select flow_run, attempt, pipeline, memory, started, heartbeat from steps where attempt = ?"
            " order by started, flow_run",
            (attempt,),
        )
        return [Step(**dict(zip(Step.__struct_fields__, row, strict=True))) for row in rows]

    def stage_records(self, attempt: str) -> dict[str, bytes]:
        """The records (JSON) of an attempt's finished stages, by stage."""
        rows = self._database.read("select stage, record from stages where attempt = ?", (attempt,))
        return {stage: record.encode() for stage, record in rows}
