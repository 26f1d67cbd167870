"""Moving a name's champion pointer by hand: promote and rollback, with who and why."""

from __future__ import annotations

from pulse_blocks.promotion.moving import Move, promote, rollback

__all__ = ["Move", "promote", "rollback"]
