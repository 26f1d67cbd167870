"""The graph behind every answer: things, the relations between them, and the tree that a reader walks.

An edge points from what was made to what it was made from. A tree goes from its root against or along the
edges and never turns round, so that a snapshot shows its runs, and a model its one run, not the run's others.
"""

from __future__ import annotations

from typing import Any, Literal

from pulse_blocks.lineage.node import Kind, Node
from pulse_blocks.records import Record

Relation = Literal[
    "answered by",
    "trained by",
    "trained on",
    "read from",
    "holds",
    "pointed to",
    "part of",
    "caused by",
    "brought back",
]


class Thing(Record, frozen=True, kw_only=True):
    """A node of the graph. What ``facts`` holds by kind is said at ``Node``."""

    kind: Kind
    id: str
    facts: dict[str, Any]


class Edge(Record, frozen=True, kw_only=True):
    """``source`` stands on ``target``; both are ids."""

    source: str
    relation: Relation
    target: str


class Graph(Record, frozen=True, kw_only=True):
    """An answer. ``root`` is the id that was asked for; things and edges are in the order of a tree."""

    root: str
    things: tuple[Thing, ...]
    edges: tuple[Edge, ...]


class Sketch:
    """A graph while it is being drawn."""

    def __init__(self) -> None:
        self._things: dict[str, Thing] = {}
        self._edges: dict[Edge, None] = {}

    def __contains__(self, thing_id: str) -> bool:
        return thing_id in self._things

    def add(self, kind: Kind, thing_id: str, facts: dict[str, Any]) -> None:
        """Put a thing in; what is there already gets the facts that it lacks."""
        known = self._things.get(thing_id)
        self._things[thing_id] = Thing(kind=kind, id=thing_id, facts=facts | (known.facts if known else {}))

    def link(self, source: str, relation: Relation, target: str) -> None:
        """Say that ``source`` stands on ``target``."""
        self._edges[Edge(source=source, relation=relation, target=target)] = None

    def graph(self, root: str) -> Graph:
        """What has been drawn, as seen from ``root``."""
        return Graph(root=root, things=tuple(self._things.values()), edges=tuple(self._edges))


def tree(graph: Graph) -> Node:
    """The graph from its root: first what the root stands on, then what stands on it."""
    things = {thing.id: thing for thing in graph.things}
    below: dict[str, list[str]] = {one: [] for one in things}
    above: dict[str, list[str]] = {one: [] for one in things}
    for edge in graph.edges:
        below[edge.source].append(edge.target)
        above[edge.target].append(edge.source)

    def grown(one: str, *ways: dict[str, list[str]]) -> Node:
        children = tuple(grown(other, way) for way in ways for other in way[one])
        return Node(kind=things[one].kind, id=one, facts=things[one].facts, children=children)

    return grown(graph.root, below, above)
