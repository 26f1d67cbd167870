"""Events of Pulse on their way to Prefect, without importing Prefect."""

from __future__ import annotations

from pulse_blocks.events.outbox import deliver

__all__ = ["deliver"]
