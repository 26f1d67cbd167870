"""The parts of a snapshot: rows to learn from, to decide on, and held out; without the quarantined ones."""

from __future__ import annotations

import msgspec
import numpy as np

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.columns import features
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Snapshot, ValidatedData
from pulse_blocks.stores.base import Store
from pulse_blocks.training import split
from pulse_blocks.training.blocks import Blocks
from pulse_blocks.training.labelling import read
from pulse_blocks.training.weights import weights_of
from pulse_blocks.validation import quarantined_rows

# The code of a part whose rows all have one class.
_CODES = {
    "training": "training.one_class",
    "held-out": "training.held_out",
    "validation": "training.validation",
}


class Part(msgspec.Struct, frozen=True):
    """Row numbers in the snapshot (sorted) and the label of each; ``weights`` where rows do not count the same."""

    rows: np.ndarray
    labels: np.ndarray
    weights: np.ndarray | None = None


class Parts(msgspec.Struct, frozen=True):
    """``blocks`` gives the features of any row. ``validation`` is None where nothing is decided on it."""

    blocks: Blocks
    train: Part
    validation: Part | None
    test: Part


def prepare(protocol: Protocol, snapshot: Snapshot, validated: ValidatedData, store: Store) -> Parts:
    """Read labels, drop quarantined rows, split. Raises PulseError where a part cannot serve."""
    from pulse_blocks.protocol.rules.fitting import uses_validation

    spec, seed = protocol.training.split, protocol.training.seed
    found = read(protocol, snapshot, store)
    accepted = np.ones(found.truth.size, np.bool_)
    accepted[quarantined_rows(store, validated)] = False
    rows = np.flatnonzero(accepted)
    test = split.held_out(spec, seed, rows, None if found.keys is None else found.keys[rows])
    learn, aside = rows[~test], None
    if uses_validation(protocol):
        mask = split.validation(spec, seed, learn, None if found.keys is None else found.keys[learn])
        aside = Part(learn[mask], found.truth[learn[mask]])
        learn = learn[~mask]
    parts = Parts(
        Blocks(store, snapshot.chunks, features(protocol)),
        Part(learn, found.truth[learn], weights_of(protocol, found, learn)),
        aside,
        Part(rows[test], found.truth[rows[test]]),
    )
    if protocol.task != "regression":
        _require_classes(protocol, "training", parts.train)
        _require_classes(protocol, "held-out", parts.test)
        if aside is not None:
            _require_classes(protocol, "validation", aside)
    return parts


def _require_classes(protocol: Protocol, name: str, part: Part) -> None:
    if np.unique(part.labels).size < 2:
        raise PulseError(
            _CODES[name],
            f"All {part.rows.size:,} rows of the {name} part have the same {protocol.target.name}.",
            "Widen the window, or split otherwise (training.split).",
        )
