"""Which model each served name answers with, kept up to date with the ledger's promotions."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.rows import Promotion
from pulse_blocks.serving.alarms import Alarms
from pulse_blocks.serving.batcher import Batcher
from pulse_blocks.serving.looking import outlived, reason_of
from pulse_blocks.serving.metrics import Metrics
from pulse_blocks.serving.model import Model
from pulse_blocks.serving.probation.verdict import Facts
from pulse_blocks.serving.tripwire.finding import LiveDrift
from pulse_blocks.stores.base import Store

if TYPE_CHECKING:
    from pulse_blocks.serving.compiled.compiling import Compiling

log = logging.getLogger("pulse.serving")

POLL_SECONDS = 0.3
# A promotion that could not be used is tried again at this pace: its file may have been on its way.
RETRY_SECONDS = 5.0


class Slot:
    """A served name. ``model`` is replaced in one step; a request keeps the one that it began with.

    ``probation`` is what is known of a new champion while it is on probation, ``drift`` what the tripwire found last.
    """

    def __init__(self, name: str, model: Model, seq: int, batcher: Batcher) -> None:
        self.name = name
        self.model = model
        self.seq = seq
        self.batcher = batcher
        self.fallback_of = -1
        self.refused = 0
        self.retry_at = 0.0
        self.probation: Facts | None = None
        self.drift: LiveDrift | None = None


def first_champion(ledger: Ledger, name: str) -> Promotion:
    """Who is champion of a name. Raises PulseError where it has none."""
    promotion = ledger.champion(name)
    if promotion is None:
        known = ", ".join(ledger.promoted_names()) or "none yet"
        raise PulseError(
            "serving.no_champion", f"No model of {name} has been promoted (promoted: {known}).",
            f"Train one first: pulse run {name}.",
        )  # fmt: skip
    return promotion


class Watcher:
    """A thread that looks for promotions. A bundle that cannot be used leaves the old model in place."""

    def __init__(
        self,
        ledger: Ledger,
        store: Store,
        key: bytes,
        slots: dict[str, Slot],
        metrics: Metrics,
        alarms: Alarms,
        compiling: Compiling | None = None,
    ) -> None:
        """``key`` is the workspace's signing key; ``compiling`` is told of every model before it is live."""
        self._compiling = compiling
        self._ledger = ledger
        self._store = store
        self._key = key
        self._slots = slots
        self._metrics = metrics
        self._alarms = alarms
        for slot in slots.values():
            alarms.watch(slot.model.circuit, slot.name, "model", slot.model.id)
            if compiling:
                compiling.adopt(slot.model)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse-champions", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(POLL_SECONDS):
            with outlived(self._metrics, "champions", "Alarms cannot be raised"):
                self._alarms.send(self._ledger)
            for slot in self._slots.values():
                with outlived(self._metrics, "champions", "Promotions cannot be read"):
                    self._look(slot)

    def _look(self, slot: Slot) -> None:
        promotion = self._ledger.champion(slot.name)
        if promotion and promotion.seq != slot.seq:
            self._swap(slot, promotion)
        if slot.model.falls_back and slot.fallback_of != slot.seq:
            self._find_fallback(slot)

    def _swap(self, slot: Slot, promotion: Promotion) -> None:
        if slot.refused == promotion.seq and time.monotonic() < slot.retry_at:
            return
        try:
            model = Model.load(self._store, promotion, self._key)
        except Exception as error:  # noqa: BLE001 - whatever it is (memory that is not there), the old one stays
            if slot.refused != promotion.seq:
                reason = reason_of(error)
                log.error("%s stays, %s cannot be used: %s", slot.model.id, promotion.model, reason)  # noqa: TRY400
            self._metrics.swap_failures[slot.name] += 1
            slot.refused, slot.retry_at = promotion.seq, time.monotonic() + RETRY_SECONDS
            return
        self._alarms.watch(model.circuit, slot.name, "model", model.id)
        if self._compiling:
            self._compiling.adopt(model)
        if model.id != slot.model.id:
            # Who was champion until now answers where the new one fails, if its protocol wants that.
            slot.batcher.fallback = slot.model if model.falls_back else None
            slot.fallback_of = promotion.seq
        slot.model, slot.seq = model, promotion.seq
        self._metrics.swaps[slot.name] += 1
        log.info("%s is live.", promotion.model)

    def _find_fallback(self, slot: Slot) -> None:
        """Load the champion before this one, once; where it cannot be used there is no fallback."""
        try:
            before = [p for p in self._ledger.promotions(slot.name) if p.seq < slot.seq]
            others = [promotion for promotion in before if promotion.model != slot.model.id]
            slot.batcher.fallback = Model.load(self._store, others[-1], self._key) if others else None
        except UnavailableError as error:
            log.warning("The fallback of %s cannot be read yet: %s", slot.model.id, error)
            return
        except Exception as error:  # noqa: BLE001 - it would be no better three times a second
            log.error("%s has no fallback: %s", slot.model.id, reason_of(error))  # noqa: TRY400
        slot.fallback_of = slot.seq
