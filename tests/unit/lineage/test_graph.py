"""The graph as data, and the tree and the Markdown that are made of it."""

from __future__ import annotations

import msgspec

from pulse_blocks.lineage import Graph, graph, trace, tree
from pulse_blocks.lineage.graph import Sketch
from pulse_blocks.lineage.markdown import render
from pulse_blocks.lineage.node import Node, Places
from pulse_blocks.records import to_json
from tests.lineage_world import World


def test_edges_point_towards_the_data(world: World) -> None:
    """Whatever was asked for, a relation reads the same way; the graph survives JSON."""
    snapshot = world.snapshot()
    stored = world.keep(world.train(snapshot), snapshot)
    (made,) = world.infer(stored.model)
    places = Places(ledger=world.ledger, store=world.store)
    found = graph(places, made)
    assert [(edge.source, edge.relation, edge.target) for edge in found.edges] == [
        (made, "answered by", stored.model),
        (stored.model, "trained by", stored.run),
        (stored.model, "trained on", snapshot.id),
    ]
    forward = graph(places, snapshot.id)
    assert {(edge.source, edge.relation, edge.target) for edge in forward.edges} == {
        (stored.run, "trained on", snapshot.id),
        (stored.model, "trained by", stored.run),
    }
    assert msgspec.json.decode(to_json(found), type=Graph) == found
    assert tree(found) == trace(world.workspace, made)


def test_a_tree_never_turns_round() -> None:
    """Two runs that gave one model: each shows it, and the model does not lead back to the other run."""
    sketch = Sketch()
    for run in ("run_a", "run_b"):
        sketch.add("run", run, {})
        sketch.link(run, "trained on", "snap")
        sketch.link("model", "trained by", run)
    sketch.add("snapshot", "snap", {})
    sketch.add("model", "model", {})
    root = tree(sketch.graph("snap"))
    assert [(run.id, [model.id for model in run.children]) for run in root.children] == [
        ("run_a", ["model"]),
        ("run_b", ["model"]),
    ]
    assert all(not model.children for run in root.children for model in run.children)


def test_markdown_nests_and_cannot_be_broken_out_of() -> None:
    """Things are bold with their id as code; what a fact or an id holds stays text."""
    child = Node(kind="run", id="run_a", facts={"refused": "<b>*no*</b> [x](y)"})
    assert render(Node(kind="rows", id="a = '`'", facts={}, children=(child,))) == (
        "- **Rows where** ``a = '`'``\n"
        "  - **Training Run** `run_a`\n"
        "    - Refused: \\<b\\>\\*no\\*\\</b\\> \\[x\\](y)"
    )
