"""How many processes train together."""

from __future__ import annotations

from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Snapshot
from pulse_blocks.training.sizing import plan


def workers_of(protocol: Protocol, snapshot: Snapshot) -> int:
    """What the protocol says, or where it says ``auto`` what the plan gives for data of this size.

    It decides the trees: sums of several processes are added in another order.
    """
    asked = protocol.training.resources.workers
    return asked if isinstance(asked, int) else plan(protocol, snapshot).workers
