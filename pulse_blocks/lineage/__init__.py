"""Where does it come from, and what stands on it? Answered from ledger, bundles and manifests alone."""

from __future__ import annotations

from pulse_blocks.lineage.node import Node
from pulse_blocks.lineage.trace import trace, trace_in

__all__ = ["Node", "trace", "trace_in"]
