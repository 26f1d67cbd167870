"""The thread that looks at what was answered, once a second, and tells of what has crossed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from pulse_blocks.ledger import Ledger
from pulse_blocks.serving.champions import Slot
from pulse_blocks.serving.looking import outlived
from pulse_blocks.serving.metrics import Metrics
from pulse_blocks.serving.tripwire.finding import LiveDrift
from pulse_blocks.serving.tripwire.intake import Intake, Taken
from pulse_blocks.times import iso, of_microseconds

if TYPE_CHECKING:
    from pulse_blocks.serving.model import Model
    from pulse_blocks.serving.tripwire.watched import Row, Watched
    from pulse_blocks.sketches.reference import DriftReference

log = logging.getLogger("pulse.serving")

LOOK_SECONDS = 1.0
# After each slice the event loop may have the interpreter. What comes faster than 5,000 rows a second is sampled.
_PAUSE_SECONDS = 0.02
# A verdict on a window that hardly changed says nothing new; it is made all the same now and then.
_GROWN, _AT_LEAST_EVERY = 50, 10.0


class Tripwire:
    """The live drift of each served champion whose bundle has a reference: ``slot.drift``, and events."""

    def __init__(
        self, ledger: Ledger, slots: Mapping[str, Slot], metrics: Metrics, told: Callable[[], None]
    ) -> None:
        """``told`` is called when an event waits in the outbox."""
        self._ledger = ledger
        self._slots = slots
        self._metrics = metrics
        self._told = told
        self._intake = Intake()
        self.see = self._intake.put
        self._watched: dict[str, Watched] = {}
        self._fresh: dict[str, int] = {}
        self._judged: dict[str, float] = {}
        self._raised: dict[str, tuple[str, int]] = {}
        self._behind = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse-tripwire", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(LOOK_SECONDS):
            taken, skipped = self._intake.drain()
            self._say(len(taken), skipped)
            for slot in self._slots.values():
                with outlived(self._metrics, "tripwire", f"The live drift of {slot.name} cannot be watched"):
                    self._look(slot, taken)

    def _say(self, taken: int, skipped: int) -> None:
        """Whoever reads a gauge should know that it stands for a sample."""
        self._metrics.drift_rows += taken
        self._metrics.drift_skipped += skipped
        if bool(skipped) is not self._behind:
            self._behind = bool(skipped)
            if skipped:
                log.warning(
                    "More comes in than live drift can look at: of %d rows %d.", taken + skipped, taken
                )

    def _look(self, slot: Slot, taken: Sequence[Taken]) -> None:
        model = slot.model
        watched = self._watched.get(slot.name)
        if watched is None or watched.id != model.id:
            slot.drift = None
            self._watched.pop(slot.name, None)
            reference = model.bundle.drift
            if reference is None or not any(one[0] == model.id for one in taken):
                return
            watched = self._begin(slot, model, reference)
        for rows in watched.fresh(taken):
            self._add(slot, watched, rows)
        self._judge_if_due(slot, watched)

    def _begin(self, slot: Slot, model: Model, reference: DriftReference) -> Watched:
        """NumPy is loaded here: a runtime whose models have no reference never needs it."""
        from pulse_blocks.serving.tripwire.watched import Watched

        watched = Watched(model, reference)
        self._fresh[slot.name], self._judged[slot.name] = 0, 0.0
        # Judged when all of it is there: a verdict on a part of it would put the one on the whole off by a second.
        for rows in watched.recall(self._ledger):
            self._take(slot, watched, rows)
        self._watched[slot.name] = watched
        return watched

    def _add(self, slot: Slot, watched: Watched, rows: Sequence[Row]) -> None:
        self._take(slot, watched, rows)
        self._judge_if_due(slot, watched)

    def _take(self, slot: Slot, watched: Watched, rows: Sequence[Row]) -> None:
        self._fresh[slot.name] += watched.add(rows)
        self._closing.wait(_PAUSE_SECONDS)

    def _judge_if_due(self, slot: Slot, watched: Watched) -> None:
        fresh, known = self._fresh[slot.name], slot.drift.rows if slot.drift else 0
        elapsed = time.monotonic() - self._judged[slot.name]
        grown = fresh * _GROWN > known and elapsed >= LOOK_SECONDS
        if grown or (fresh and elapsed > _AT_LEAST_EVERY):
            self._judge(slot, watched)

    def _judge(self, slot: Slot, watched: Watched) -> None:
        found = slot.drift = watched.verdict()
        self._fresh[slot.name], self._judged[slot.name] = 0, time.monotonic()
        if found is None or not found.drifted or self._raised.get(slot.name) == (found.model, found.period):
            return
        if self._ledger.suspect_drift(slot.name, found.model, found.period, payload(slot.name, found)):
            log.warning("What %s is asked seems to have drifted (%.0f %%).", found.model, 100 * found.share)
            self._told()
        self._raised[slot.name] = found.model, found.period


def payload(name: str, found: LiveDrift) -> dict[str, object]:
    """What the event ``pulse.drift.suspected`` carries: names and numbers, no values of anybody's."""
    drifted = [feature for feature, one in found.features.items() if one.drifted]
    return {
        "name": name,
        "model": found.model,
        "window_end": iso(of_microseconds(found.end)),
        "rows": found.rows,
        "score": found.share,
        "features": sorted(drifted, key=lambda feature: -found.features[feature].weight),
        "prediction": found.prediction.drifted,
    }
