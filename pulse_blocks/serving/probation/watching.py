"""The thread that watches new champions, and tells of those that breach their guard."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.rows import Promotion
from pulse_blocks.records import as_dict
from pulse_blocks.serving.champions import Slot
from pulse_blocks.serving.looking import outlived
from pulse_blocks.serving.metrics import Metrics
from pulse_blocks.serving.model import Model
from pulse_blocks.serving.probation.shadow import Shadow
from pulse_blocks.serving.probation.trial import Trial
from pulse_blocks.stores.base import Store

log = logging.getLogger("pulse.serving")

LOOK_SECONDS = 1.0


class Probations:
    """New champions by served name. Where no champion is new, a look costs a comparison of two numbers."""

    def __init__(
        self,
        ledger: Ledger,
        store: Store,
        key: bytes,
        slots: Mapping[str, Slot],
        metrics: Metrics,
        told: Callable[[], None],
    ) -> None:
        """``key`` is the workspace's signing key; ``told`` is called when an event waits in the outbox."""
        self._ledger = ledger
        self._store = store
        self._key = key
        self._slots = slots
        self._metrics = metrics
        self._told = told
        self._seen: dict[str, int] = {}
        self._trials: dict[str, Trial] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse-probation", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop watching."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(LOOK_SECONDS):
            for slot in self._slots.values():
                with outlived(
                    self._metrics, "probation", f"The new champion of {slot.name} cannot be watched"
                ):
                    self._look(slot)

    def _look(self, slot: Slot) -> None:
        if self._seen.get(slot.name) != slot.seq:
            seq = slot.seq
            self._trials.pop(slot.name, None)
            if trial := self._begin(slot, seq):
                self._trials[slot.name] = trial
            self._seen[slot.name] = seq
        trial = self._trials.get(slot.name)
        if trial is None:
            slot.probation = None
        elif trial.is_over():
            del self._trials[slot.name]
            slot.probation = None
        else:
            self._judge(slot, trial)

    def _judge(self, slot: Slot, trial: Trial) -> None:
        slot.probation, reason = trial.look(self._ledger)
        if reason is None:
            return
        promotion = trial.promotion
        found = self._ledger.add_regression(
            slot.name, promotion.model, trial.before, reason, as_dict(slot.probation), promotion.at
        )
        del self._trials[slot.name]
        if found is not None:
            log.error("%s regressed: %s", promotion.model, reason)
            self._told()

    def _begin(self, slot: Slot, seq: int) -> Trial | None:
        """The trial of the champion that is live; None where none is due.

        A champion that came back by a rollback is known already, and the first one has nobody to go back to.
        """
        guard = slot.model.protocol.monitoring.guard
        history = self._ledger.promotions(slot.name)
        live = [promotion for promotion in history if promotion.seq == seq]
        before = [one for one in history if one.seq < seq and one.model != slot.model.id]
        if guard is None or not live or live[0].action == "rollback" or not before:
            return None
        new, old = self._copy(live[0]), self._copy(before[-1])
        trial = Trial(slot, live[0], old.id, Shadow(new, old, guard.shadow), guard, self._metrics)
        return None if trial.is_over() else trial

    def _copy(self, promotion: Promotion) -> Model:
        """A model of this thread's own: the one that answers must never be kept waiting."""
        return Model.load(self._store, promotion, self._key)
