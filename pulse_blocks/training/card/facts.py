"""The facts of a model card."""

from __future__ import annotations

import msgspec

from pulse_blocks import ids
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Record, Snapshot
from pulse_blocks.training.curves import Curves
from pulse_blocks.training.fitted import Fitted
from pulse_blocks.training.gates import GateResult

# Rounds of a learning curve that are drawn.
_POINTS = 200


class Drawing(Record, frozen=True, kw_only=True):
    """What pictures are drawn from: the same for the same trees on the same rows, whichever run grew them.

    ``history`` is thinned to at most 200 rounds: metric → (round, value).
    """

    importance: dict[str, float]
    history: dict[str, tuple[tuple[int, float], ...]]
    curves: Curves
    classes: tuple[str, ...]


class Card(Record, frozen=True, kw_only=True):
    """A model for people. ``facts`` are name and text, in the order in which they are shown.

    ``uncalibrated`` holds metrics of the held-out part before and after calibration, where there is one.
    """

    model: str
    task: str
    description: str
    facts: tuple[tuple[str, str], ...]
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    gates: tuple[GateResult, ...]
    drawing: Drawing
    uncalibrated: dict[str, tuple[float, float]] = msgspec.field(default_factory=dict)


def card(protocol: Protocol, snapshot: Snapshot, fitted: Fitted, run: str) -> Card:
    """The card of a model that ``run`` (an id of ours) has fitted."""
    return Card(
        model=ids.model_id(protocol.name, protocol.version, fitted.trees),
        task=protocol.task,
        description=protocol.description,
        facts=tuple(_facts(protocol, snapshot, fitted, run).items()),
        metrics=fitted.metrics,
        intervals=fitted.intervals,
        gates=fitted.gates,
        drawing=drawing(protocol, fitted),
        uncalibrated=fitted.uncalibrated,
    )


def drawing(protocol: Protocol, fitted: Fitted) -> Drawing:
    """What the pictures of a fitted model are drawn from."""
    return Drawing(
        importance=fitted.importance,
        history={name: _thinned(values) for name, values in fitted.history.items()},
        curves=fitted.curves,
        classes=tuple(map(str, protocol.target.values or ())),
    )


def _facts(protocol: Protocol, snapshot: Snapshot, fitted: Fitted, run: str) -> dict[str, str]:
    split, window = protocol.training.split, snapshot.window
    by = f"{split.column} = {split.value}" if split.by == "column" else split.column or split.by
    facts = {
        "Owner": protocol.owner,
        "Run": run,
        "Snapshot": f"{snapshot.id} of {snapshot.datasource}, {snapshot.rows:,} rows",
        "Window": f"{window.start} to {window.end}" if window else "",
        "Target": protocol.target.name,
        "Features": f"{len(protocol.features)}",
        "Trained on": f"{fitted.train_rows:,} rows",
        "Decided on": f"{fitted.validation_rows:,} validation rows" if fitted.validation_rows else "",
        "Judged on": f"{fitted.test_rows:,} held-out rows, split by {by}",
        "Rounds": f"{fitted.rounds} of at most {protocol.training.rounds}",
        "Decides yes from": f"{fitted.threshold:.4f} on" if fitted.threshold is not None else "",
        "Calibrated by": fitted.calibration.method if fitted.calibration else "",
        "Searched": _searched(fitted),
        "Made with": ", ".join(f"{name} {version}" for name, version in fitted.environment.packages.items()),
        "Machine": f"{fitted.environment.platform}, {fitted.environment.processor}",
    }
    return {name: text for name, text in facts.items() if text}


def _searched(fitted: Fitted) -> str:
    found = fitted.searched
    if found is None:
        return ""
    chosen = ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in found.params.items()
    )
    trials = f"trial {found.best} of {found.trials} ({found.pruned} given up)"
    return f"{chosen}: {trials}, {found.metric} {found.value:.4f} on the validation rows"


def _thinned(values: tuple[float, ...]) -> tuple[tuple[int, float], ...]:
    step = max(-(-len(values) // _POINTS), 1)
    return tuple((at + 1, values[at]) for at in range(0, len(values), step))
