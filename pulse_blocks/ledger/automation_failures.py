"""Actions of automations that failed: Prefect says so once, in an event that it forgets after a week."""

from __future__ import annotations

from pulse_blocks.ledger.rows import Fact
from pulse_blocks.ledger.table import Table, now_us


class AutomationFailure(Fact, frozen=True, kw_only=True):
    """One failed action. ``id`` is that of Prefect's event, ``automation`` the automation's name."""

    id: str
    automation: str
    action: str
    reason: str
    at: int


class AutomationFailures(Table):
    """Failures by Prefect's event: one that is delivered twice is one."""

    def note_automation_failure(self, event: str, automation: str, action: str, reason: str) -> bool:
        """Keep a failure; False where it is known already."""
        with self._database.write() as transaction:
            kept = transaction.execute(
                "insert into automation_failures (id, automation, action, reason, at) values (?,?,?,?,?)"
                " on conflict (id) do nothing returning id",
                (event, automation, action, reason, now_us()),
            )
        return bool(kept)

    def automation_failures(self, most: int = 100) -> list[AutomationFailure]:
        """The newest failures, the newest first."""
        rows = self._database.read(
            "select id, automation, action, reason, at from automation_failures order by at desc, id limit ?",
            (most,),
        )
        return [AutomationFailure(id=i, automation=a, action=k, reason=r, at=at) for i, a, k, r, at in rows]
