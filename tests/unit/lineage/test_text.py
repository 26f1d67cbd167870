"""The tree as printed: glyphs, order and number formats."""

from __future__ import annotations

import pytest

from pulse_blocks.lineage.node import Node
from pulse_blocks.lineage.text import duration, render

HASH = "sha256:e3b0c442" + "9" * 56


def run(*children: Node) -> Node:
    """A run as the design shows it."""
    facts = {
        "started": "2026-01-15T02:00:00Z",
        "seconds": 272.0,
        "metrics": {"accuracy": 0.98468, "f1_score": 0.9621},
        "tracking_run": "5d0c8e1f2a3b" + "0" * 20,
    }
    return Node(kind="run", id="run_5d0c8e1f2a3b", facts=facts, children=children)


def snapshot(*children: Node, **more: str) -> Node:
    """A snapshot as the design shows it."""
    facts = {
        "datasource": "flights",
        "created": "2026-01-15T01:59:45Z",
        "rows": 1_247_832,
        "hash": HASH,
        **more,
    }
    return Node(kind="snapshot", id="snap_9f2c41ab77e0", facts=facts, children=children)


def model(*children: Node, **facts: object) -> Node:
    """A model of that run and snapshot."""
    return Node(kind="model", id="flight-delay@1.0.0-3fa94c1", facts=facts, children=children)


def test_an_inference_is_printed_as_the_design_says() -> None:
    """Every glyph, label, order and number format of the documented tree."""
    node = Node(
        kind="inference",
        id="inference_01jdb2a9q8m7x6w5v4t3s2r1p0",
        facts={
            "time": "2026-01-16T08:00:00Z",
            "event_time": None,
            "source_key": None,
            "input_hash": "sha256:a9f2d4" + "0" * 58,
            "output_hash": "sha256:7c8b1a" + "0" * 58,
            "latency_ms": 0.4,
            "cached": False,
            "fallback": False,
        },
        children=(model(run(), snapshot(), name="flight-delay", version="1.0.0", trees_hash=HASH),),
    )
    assert render(node) == (
        "Inference: inference_01jdb2a9q8m7x6w5v4t3s2r1p0\n"
        "├── Model: flight-delay@1.0.0-3fa94c1\n"
        "│   ├── Training Run: run_5d0c8e1f2a3b\n"
        "│   │   ├── Started: 2026-01-15T02:00:00Z\n"
        "│   │   ├── Duration: 4m 32s\n"
        "│   │   └── Metrics:\n"
        "│   │       ├── accuracy: 0.9847\n"
        "│   │       └── f1_score: 0.9621\n"
        "│   └── Snapshot: snap_9f2c41ab77e0\n"
        "│       ├── Datasource: flights\n"
        "│       ├── Created: 2026-01-15T01:59:45Z\n"
        "│       ├── Rows: 1,247,832\n"
        "│       └── Hash: sha256:e3b0c442...\n"
        "├── Input Hash: sha256:a9f2d4...\n"
        "└── Output Hash: sha256:7c8b1a..."
    )


def test_a_snapshot_is_printed_with_what_stands_on_it() -> None:
    """The other way: runs below the snapshot's facts, models below the runs, with their inferences."""
    node = snapshot(run(model(name="flight-delay", version="1.0.0", inferences=12_345)))
    assert render(node).splitlines()[4:] == [
        "├── Hash: sha256:e3b0c442...",
        "└── Training Run: run_5d0c8e1f2a3b",
        "    ├── Started: 2026-01-15T02:00:00Z",
        "    ├── Duration: 4m 32s",
        "    ├── Metrics:",
        "    │   ├── accuracy: 0.9847",
        "    │   └── f1_score: 0.9621",
        "    └── Model: flight-delay@1.0.0-3fa94c1",
        "        └── Inferences: 12,345",
    ]


def test_what_is_missing_is_a_line_of_the_tree() -> None:
    """A broken link must be seen where it is broken, and the rest must stay."""
    assert render(snapshot(missing="its manifest cannot be read.")).splitlines()[-1] == (
        "└── Missing: its manifest cannot be read."
    )
    assert render(model(missing="nothing is known of it")).splitlines() == [
        "Model: flight-delay@1.0.0-3fa94c1",
        "└── Missing: nothing is known of it",
    ]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.0, "0.0s"),
        (3.21, "3.2s"),
        (59.94, "59.9s"),
        (59.96, "1m 0s"),
        (60.0, "1m 0s"),
        (272.4, "4m 32s"),
        (3599.6, "1h 0m 0s"),
        (3872.0, "1h 4m 32s"),
        (90_000.0, "25h 0m 0s"),
    ],
)
def test_durations_are_told_in_the_units_of_people(seconds: float, told: str) -> None:
    """No duration may read as 60 seconds or 60 minutes."""
    assert duration(seconds) == told
