"""Events for the outbox from threads that must not wait for the ledger, or while it cannot be written."""

from __future__ import annotations

import logging
from collections import deque
from typing import Any

from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.catalogue import CIRCUIT_OPENED
from pulse_blocks.serving.circuit import Circuit

log = logging.getLogger("pulse.serving")

# More than so many that could not be kept are more of the same.
_MOST = 1000


class Alarms:
    """Any thread raises them, one thread keeps them in the ledger."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[str, dict[str, Any]]] = deque(maxlen=_MOST)

    def watch(self, circuit: Circuit, name: str, kind: str, model: str) -> None:
        """Raise ``pulse.circuit.opened`` for a served name each time that a circuit opens.

        ``kind`` is ``model`` or ``ledger``.
        """
        before = circuit.opened

        def opened(reason: str) -> None:
            if before:
                before(reason)
            log.error("The circuit of the %s opened for %s: %s", kind, model, reason)
            payload = {"circuit": kind, "model": model, "reason": reason, "reset_seconds": circuit.reset}
            self._waiting.append((f"pulse.model.{name}", payload))

        circuit.opened = opened

    def send(self, ledger: Ledger) -> None:
        """Put what waits into the outbox; what cannot be kept now stays for the next time."""
        while self._waiting:
            resource, payload = self._waiting[0]
            try:
                ledger.emit(CIRCUIT_OPENED.name, resource, payload)
            except PulseError:
                return
            self._waiting.popleft()
