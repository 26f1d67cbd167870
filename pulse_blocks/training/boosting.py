"""LightGBM over a snapshot's blocks, as far as it is to go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import lightgbm as lgb

from pulse_blocks.progress import report as progress
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Record
from pulse_blocks.training.blocks import Blocks
from pulse_blocks.training.checkpoints import Checkpoints
from pulse_blocks.training.datasets import spread
from pulse_blocks.training.growth import Grown, Growth
from pulse_blocks.training.params import watched_metric
from pulse_blocks.training.parts import Part, Parts
from pulse_blocks.training.rounds import HELD_OUT, Agree, Rounds
from pulse_blocks.training.stopping import VALIDATION, Stopping


class Boosted(Record, frozen=True, kw_only=True):
    """A booster's text as LightGBM writes it and, by metric, its value after every round.

    Held-out rows are at most 50,000 of them. With early stopping there are also the values on the validation part,
    as ``validation/METRIC``, and the text ends with the best round.
    """

    text: str
    history: dict[str, tuple[float, ...]]


def boost(
    protocol: Protocol,
    params: Mapping[str, Any],
    blocks: Blocks,
    train: Part,
    watched: Mapping[str, Part],
    checkpoints: Checkpoints | None = None,
    agree: Agree | None = None,
) -> Boosted:
    """Grow all rounds, a stretch at a time where the protocol asks for checkpoints, from the latest one on."""
    spec, asked = protocol.training, protocol.training.early_stopping
    progress("train", 0, spec.rounds, "reading rows")
    stopping = Stopping(watched_metric(protocol), asked.rounds) if asked else None
    state = (checkpoints.latest() if checkpoints else None) or Grown()
    rounds = Rounds(spec.rounds, state.rounds, _lists(state), stopping, agree, state.kept)
    growth = Growth(protocol, params, blocks, train, watched, state)
    while not (state.stopped or state.rounds >= spec.rounds):
        count = min(spec.checkpoint or spec.rounds, spec.rounds - state.rounds)
        last = state.rounds + count >= spec.rounds
        state = growth.stretch(count, rounds, last=last)
        if checkpoints and not last:
            checkpoints.save(state)
    growth.close()
    best = stopping.best if stopping else 0
    booster = lgb.Booster(model_str=state.text)
    if booster.current_iteration() < spec.rounds or 0 < best < spec.rounds:
        progress(
            "train", spec.rounds, spec.rounds, f"round {best or booster.current_iteration()} is the best"
        )
    # LightGBM counts the rounds that have added a tree.
    kept = rounds.kept[best - 1] if best else -1
    return Boosted(text=booster.model_to_string(num_iteration=kept), history=state.history)


def watched_parts(protocol: Protocol, data: Parts) -> dict[str, Part]:
    """What is evaluated after every round: some held-out rows and, with early stopping, the validation part."""
    found = {HELD_OUT: spread(data.test)}
    if protocol.training.early_stopping is not None and data.validation is not None:
        found[VALIDATION] = data.validation
    return found


def _lists(state: Grown) -> dict[str, list[float]]:
    return {name: list(values) for name, values in state.history.items()}
