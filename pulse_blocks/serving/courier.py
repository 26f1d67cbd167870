"""A thread that brings what waits in the ledger's outbox to Prefect, so that what a runtime sees has effect at once."""

from __future__ import annotations

import logging
import threading

from pulse_blocks.errors import PulseError
from pulse_blocks.events import deliver
from pulse_blocks.ledger import Ledger

log = logging.getLogger("pulse.serving")

LOOK_SECONDS = 1.0
# Where Prefect is out of reach it is asked ever more seldom, at most so.
_LONGEST_SECONDS = 30.0
_GOODBYE_SECONDS = 1.0


class Courier:
    """Looks every second for what waits, whoever has put it there, and at once when it is called.

    Several runtimes may bring the same event: Prefect knows it by its id, and keeps it once.
    """

    def __init__(self, ledger: Ledger, api: str, api_key: str | None) -> None:
        self._ledger = ledger
        self._api = api
        self._api_key = api_key
        self._closing = False
        self._called = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse-courier", daemon=True)
        self._thread.start()

    def call(self) -> None:
        """Say that something waits."""
        self._called.set()

    def close(self) -> None:
        """Stop; what waits stays in the outbox. Who waits for the API just now is not waited for."""
        self._closing = True
        self._called.set()
        self._thread.join(_GOODBYE_SECONDS)

    def _run(self) -> None:
        pause = LOOK_SECONDS
        while not self._closing:
            self._called.wait(pause)
            self._called.clear()
            if not self._closing:
                pause = LOOK_SECONDS if self._deliver() else min(2 * pause, _LONGEST_SECONDS)

    def _deliver(self) -> bool:
        """Whether nothing is left, or some of it went."""
        try:
            waiting = len(self._ledger.unsent())
            return not waiting or bool(deliver(self._ledger, self._api, self._api_key))
        except PulseError as error:
            log.warning("Events cannot be read from the ledger: %s", error)
            return False
