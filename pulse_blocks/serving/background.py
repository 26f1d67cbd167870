"""What a runtime does beside answering: watching new champions and drift, and telling Prefect what happens."""

from __future__ import annotations

import os
from collections.abc import Mapping

from pulse_blocks.ledger import Ledger
from pulse_blocks.serving.champions import Slot
from pulse_blocks.serving.courier import Courier
from pulse_blocks.serving.metrics import Metrics
from pulse_blocks.serving.probation.watching import Probations
from pulse_blocks.serving.tripwire.watching import Tripwire
from pulse_blocks.stores.base import Store


class Background:
    """Threads that no reply waits for. Where no Prefect API is known (PREFECT_API_URL) events wait in the outbox."""

    def __init__(
        self, ledger: Ledger, store: Store, key: bytes, slots: Mapping[str, Slot], metrics: Metrics
    ) -> None:
        """``key`` is the workspace's signing key."""
        api = os.environ.get("PREFECT_API_URL")
        self._courier = Courier(ledger, api, os.environ.get("PREFECT_API_KEY")) if api else None
        self._probations = Probations(ledger, store, key, slots, metrics, self._told)
        self.tripwire = Tripwire(ledger, slots, metrics, self._told)

    def _told(self) -> None:
        if self._courier:
            self._courier.call()

    def close(self) -> None:
        """End the threads."""
        self._probations.close()
        self.tripwire.close()
        if self._courier:
            self._courier.close()
