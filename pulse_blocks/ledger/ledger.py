"""The ledger as the rest of Pulse sees it: one object, its tables by subject."""

from __future__ import annotations

from typing import Self

from pulse_blocks.ledger.archiving import Archiving
from pulse_blocks.ledger.attempts import Attempts
from pulse_blocks.ledger.audit import AuditLog
from pulse_blocks.ledger.automation_failures import AutomationFailures
from pulse_blocks.ledger.causes import Causes
from pulse_blocks.ledger.counts import Counts
from pulse_blocks.ledger.deleted_files import DeletedFiles
from pulse_blocks.ledger.drift_checks import DriftChecks
from pulse_blocks.ledger.holds import Holds
from pulse_blocks.ledger.inference_files import InferenceFiles
from pulse_blocks.ledger.inferences import Inferences
from pulse_blocks.ledger.keys import Keys
from pulse_blocks.ledger.labels import Labels
from pulse_blocks.ledger.outbox import Outbox
from pulse_blocks.ledger.promotions import Promotions
from pulse_blocks.ledger.regressions import Regressions
from pulse_blocks.ledger.restores import Restores
from pulse_blocks.ledger.results import Results
from pulse_blocks.ledger.scorings import Scorings
from pulse_blocks.ledger.served import ServedRequests
from pulse_blocks.ledger.steps import Steps
from pulse_blocks.ledger.suspicions import Suspicions
from pulse_blocks.ledger.traffic import Traffic
from pulse_blocks.ledger.windows import Windows


class Ledger(
    Attempts,
    Promotions,
    Inferences,
    Labels,
    Outbox,
    AuditLog,
    Restores,
    Keys,
    Causes,
    Regressions,
    AutomationFailures,
    ServedRequests,
    Traffic,
    DriftChecks,
    Windows,
    InferenceFiles,
    Archiving,
    DeletedFiles,
    Holds,
    Counts,
    Scorings,
    Results,
    Steps,
    Suspicions,
):
    """All facts of one workspace. Whatever writes is durable on return; threads may share it."""

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
