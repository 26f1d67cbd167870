"""Which model each served name answers with, kept up to date with the ledger's promotions."""

from __future__ import annotations

import logging
import threading
import time

from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.rows import Promotion
from pulse_blocks.serving.batcher import Batcher
from pulse_blocks.serving.metrics import Metrics
from pulse_blocks.serving.model import Model
from pulse_blocks.stores.base import Store

log = logging.getLogger("pulse.serving")

POLL_SECONDS = 0.3
# A promotion that could not be used is tried again at this pace: its file may have been on its way.
RETRY_SECONDS = 5.0


class Slot:
    """A served name. ``model`` is replaced in one step; a request keeps the one that it began with."""

    def __init__(self, name: str, model: Model, seq: int, batcher: Batcher) -> None:
        self.name = name
        self.model = model
        self.seq = seq
        self.batcher = batcher
        self.refused = 0
        self.retry_at = 0.0


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

    def __init__(self, ledger: Ledger, store: Store, slots: dict[str, Slot], metrics: Metrics) -> None:
        self._ledger = ledger
        self._store = store
        self._slots = slots
        self._metrics = metrics
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse-champions", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(POLL_SECONDS):
            for slot in self._slots.values():
                try:
                    promotion = self._ledger.champion(slot.name)
                except PulseError as error:
                    log.warning("Promotions cannot be read: %s", error)
                    continue
                if promotion and promotion.seq != slot.seq:
                    self._swap(slot, promotion)

    def _swap(self, slot: Slot, promotion: Promotion) -> None:
        if slot.refused == promotion.seq and time.monotonic() < slot.retry_at:
            return
        try:
            slot.model = Model.load(self._store, promotion)
        except PulseError as error:
            if slot.refused != promotion.seq:
                log.error("%s stays, %s cannot be used: %s", slot.model.id, promotion.model, error)  # noqa: TRY400
            self._metrics.swap_failures[slot.name] += 1
            slot.refused, slot.retry_at = promotion.seq, time.monotonic() + RETRY_SECONDS
            return
        slot.seq = promotion.seq
        self._metrics.swaps[slot.name] += 1
        log.info("%s is live.", promotion.model)
