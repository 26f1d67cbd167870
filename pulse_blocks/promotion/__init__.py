"""Moving a name's champion pointer by hand, here or into another workspace, with who and why."""

from __future__ import annotations

from pulse_blocks.promotion.moving import Move, promote, rollback
from pulse_blocks.promotion.transfer import Transfer, transfer

__all__ = ["Move", "Transfer", "promote", "rollback", "transfer"]
