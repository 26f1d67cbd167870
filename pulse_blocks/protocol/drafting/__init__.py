"""A first protocol from a look at some rows: guesses, and a mark wherever a person must decide."""

from __future__ import annotations

from pulse_blocks.protocol.drafting.draft import draft

__all__ = ["draft"]
