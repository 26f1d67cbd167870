"""Where does it come from, and what stands on it? Answered from ledger, bundles and manifests alone."""

from __future__ import annotations

from pulse_blocks.lineage.graph import Edge, Graph, Thing, tree
from pulse_blocks.lineage.node import Node
from pulse_blocks.lineage.trace import deleted_on, graph, inferences_on, trace, trace_at, trace_in, trace_rows

__all__ = [
    "Edge",
    "Graph",
    "Node",
    "Thing",
    "deleted_on",
    "graph",
    "inferences_on",
    "trace",
    "trace_at",
    "trace_in",
    "trace_rows",
    "tree",
]
