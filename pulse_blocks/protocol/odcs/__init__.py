"""The Open Data Contract Standard 3.1 (bitol.io): a protocol as such a contract, and back.

What the standard has a place for goes there; what a model needs beyond it (roles, units, the query) goes into
custom properties, which the standard provides for. Everything else is named as lost.
"""

from __future__ import annotations

from pulse_blocks.protocol.odcs.exporting import exported
from pulse_blocks.protocol.odcs.importing import imported

__all__ = ["exported", "imported"]
