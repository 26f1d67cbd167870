"""The ledger as the rest of Pulse sees it: one object, its tables by subject."""

from __future__ import annotations

from typing import Self

from pulse_blocks.ledger.attempts import Attempts
from pulse_blocks.ledger.audit import AuditLog
from pulse_blocks.ledger.inferences import Inferences
from pulse_blocks.ledger.keys import Keys
from pulse_blocks.ledger.labels import Labels
from pulse_blocks.ledger.outbox import Outbox
from pulse_blocks.ledger.promotions import Promotions
from pulse_blocks.ledger.restores import Restores


class Ledger(Attempts, Promotions, Inferences, Labels, Outbox, AuditLog, Restores, Keys):
    """All facts of one workspace. Whatever writes is durable on return; threads may share it."""

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
