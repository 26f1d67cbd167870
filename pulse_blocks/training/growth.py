"""Trees grown a stretch of rounds at a time, so that a fit can end and be gone on with to the same trees.

LightGBM cannot take up the random numbers of a fit that was killed: bagging and the choice of features would begin
anew. So with ``training.checkpoint`` *every* fit is a chain of stretches, interrupted or not: each begins with the
scores that the trees before it give and with seeds of its own, and nothing else crosses the border. What a
stretch grows is decided by the state before it alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import lightgbm as lgb
import msgspec
import numpy as np

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Record
from pulse_blocks.training.blocks import Blocks
from pulse_blocks.training.datasets import TRAIN, datasets
from pulse_blocks.training.environment import THREADS
from pulse_blocks.training.parts import Part
from pulse_blocks.training.rounds import Rounds

# What decides random numbers once the bins are made: others in every stretch, or each would draw the same rows.
_SEEDS = ("bagging_seed", "feature_fraction_seed", "extra_seed", "objective_seed")
_STEP, _LARGEST = 1_000_003, 2**31
_NETWORK = ("machines", "local_listen_port")


class Grown(Record, frozen=True, kw_only=True):
    """A fit between two stretches: all that the next one is decided by.

    ``text`` holds the trees so far, ``ends`` the number of rounds in it after each stretch, ``kept`` after each round;
    ``rounds`` counts those that were tried, ``stopped`` says that no more are wanted. ``format`` is the version of
    this record.
    """

    format: int = 1
    text: str = ""
    ends: tuple[int, ...] = ()
    kept: tuple[int, ...] = ()
    rounds: int = 0
    history: dict[str, tuple[float, ...]] = msgspec.field(default_factory=dict)
    stopped: bool = False


class Growth:
    """The data sets of one fit, binned once, and the scores that the trees so far give to each of their rows."""

    def __init__(
        self,
        protocol: Protocol,
        params: Mapping[str, Any],
        blocks: Blocks,
        train: Part,
        watched: Mapping[str, Part],
        state: Grown,
    ) -> None:
        self._params, self._blocks = dict(params), blocks
        self._rows = {TRAIN: train.rows, **{name: one.rows for name, one in watched.items()}}
        self._sets = datasets(protocol, params, blocks, train, watched)
        self._scores: dict[str, np.ndarray] = {}
        # LightGBM closes its connections when the booster that opened them is collected.
        self._connected: lgb.Booster | None = None
        self.state = state
        if state.text:
            booster = lgb.Booster(model_str=state.text)
            for start, end in zip((0, *state.ends), state.ends, strict=False):
                self._score(booster, start, end)

    def stretch(self, count: int, rounds: Rounds, *, last: bool) -> Grown:
        """Grow ``count`` more rounds, or fewer where ``rounds`` stops. With ``last`` nothing can come after it."""
        before = self.state
        for name, scores in self._scores.items():
            self._sets[name].set_init_score(scores)
        start = rounds.before = before.ends[-1] if before.ends else 0
        booster = self._train(_seeded(self._params, len(before.ends)), count, rounds)
        if before.text:
            _put_before(booster, lgb.Booster(model_str=before.text))
        end = int(booster.current_iteration())
        if not last and not rounds.stopped:
            self._score(booster, start, end)
        self.state = Grown(
            text=booster.model_to_string(num_iteration=-1),
            ends=(*before.ends, end),
            kept=tuple(rounds.kept),
            rounds=rounds.done,
            history={name: tuple(values) for name, values in rounds.history.items()},
            stopped=rounds.stopped,
        )
        return self.state

    def close(self) -> None:
        """End the connections to those that trained along."""
        if self._connected is not None:
            self._connected.free_network()

    def _train(self, params: dict[str, Any], count: int, rounds: Rounds) -> lgb.Booster:
        valid = {name: data for name, data in self._sets.items() if name != TRAIN}
        if self._connected is not None:
            params = {name: value for name, value in params.items() if name not in _NETWORK}
        try:
            booster = lgb.train(
                params,
                self._sets[TRAIN],
                count,
                valid_sets=list(valid.values()),
                valid_names=list(valid),
                callbacks=[rounds],
            )
        except lgb.basic.LightGBMError as error:
            raise PulseError(
                "training.failed", f"LightGBM refuses: {error}.", "Look at training.params in the protocol."
            ) from None
        if "machines" in params:
            self._connected = booster
        return booster

    def _score(self, booster: lgb.Booster, start: int, end: int) -> None:
        """Add to every row's score what the rounds from ``start`` to ``end`` say of it."""
        options = {"raw_score": True, "num_threads": self._params[THREADS]}
        for name, rows in self._rows.items():
            found = [
                booster.predict(block, start_iteration=start, num_iteration=end - start, **options)
                for block in self._blocks.walk(rows)
            ]
            added = np.concatenate(found)
            self._scores[name] = self._scores[name] + added if name in self._scores else added


def _seeded(params: dict[str, Any], stretch: int) -> dict[str, Any]:
    """The parameters of a stretch (from 0); those of the first are the protocol's own."""
    moved = {name: (int(params[name]) + stretch * _STEP) % _LARGEST for name in _SEEDS}
    return {**params, **moved}


def _put_before(booster: lgb.Booster, earlier: lgb.Booster) -> None:
    """Let ``booster`` begin with the trees of ``earlier``, as LightGBM itself does for a model to go on from."""
    basic: Any = lgb.basic
    basic._safe_call(basic._LIB.LGBM_BoosterMerge(booster._handle, earlier._handle))  # noqa: SLF001
