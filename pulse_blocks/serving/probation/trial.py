"""One new champion's probation: from its promotion to the end of the window, or to the breach."""

from __future__ import annotations

import time

from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.rows import Promotion
from pulse_blocks.protocol.monitoring_spec import GuardSpec
from pulse_blocks.protocol.spec import seconds
from pulse_blocks.serving.champions import Slot
from pulse_blocks.serving.metrics import Metrics
from pulse_blocks.serving.probation.shadow import Shadow
from pulse_blocks.serving.probation.verdict import Facts, breach

# At once read from the ledger; more waits for the next look.
_ROWS = 500


class Trial:
    """What is watched, and what was seen. Used by one thread."""

    def __init__(
        self,
        slot: Slot,
        promotion: Promotion,
        before: str,
        shadow: Shadow,
        guard: GuardSpec,
        metrics: Metrics,
    ) -> None:
        """``promotion`` is the one that is live in ``slot``, ``before`` the champion to go back to."""
        self.promotion = promotion
        self.before = before
        self._slot = slot
        self._shadow = shadow
        self._guard = guard
        self._metrics = metrics
        self._until = promotion.at + int(seconds(guard.window) * 1e6)
        self._read = (promotion.at - 1, "")
        self._answered, self._failed = self._counted()

    def is_over(self) -> bool:
        """Whether the window has passed, or another champion is live."""
        return self._slot.seq != self.promotion.seq or time.time_ns() // 1000 > self._until

    def look(self, ledger: Ledger) -> tuple[Facts, str | None]:
        """What is known now, and the breach where there is one. Raises PulseError where the ledger is away."""
        rows = ledger.served_after(self.promotion.model, self._read, _ROWS)
        if rows:
            self._read = rows[-1].at, rows[-1].id
            self._shadow.look_at(rows)
        labels = ledger.latest_labels(self._shadow.ids)
        answered, failed = self._counted()
        facts = Facts(
            requests=answered - self._answered,
            failed=failed - self._failed,
            openings=self._slot.model.circuit.openings,
            pairs=self._shadow.pairs,
            slowdown=self._shadow.slowdown(),
            distance=self._shadow.distance(),
            labelled=len(labels),
            drop=self._shadow.drop(labels),
        )
        return facts, breach(facts, self._guard)

    def _counted(self) -> tuple[int, int]:
        """Requests that the model should have answered, and those that it did not.

        A request that was shed (503) or malformed (4xx) says nothing about the model, unless its circuit is open.
        """
        name, model = self._slot.name, self.promotion.model
        responses = self._metrics.responses
        broken = sum(
            count for (of, status), count in list(responses.items()) if of == name and status in (500, 504)
        )
        fallen = self._metrics.fallbacks[model]
        return responses[name, 200] + broken, broken + fallen
