"""What every stage may look at beside the record before it."""

from __future__ import annotations

import msgspec

from pulse_blocks.ledger.restores import Restore
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Window
from pulse_blocks.settings import Workspace


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """The contract, the surroundings, and which attempt this is (a stage that is repeated finds its work by it).

    With ``restored`` an older snapshot is the training data, and the datasource is not read. ``memory`` are limits for
    the fit where somebody else has made room for it: those that were too little, then the one that holds; empty, the
    stage sizes the fit and gives it more by itself.
    """

    protocol: Protocol
    workspace: Workspace
    window: Window | None
    attempt: str
    restored: Restore | None = None
    memory: tuple[str, ...] = ()
