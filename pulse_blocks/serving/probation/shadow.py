"""The champion before answers a sample of what the new one was asked, silently, and both are compared."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from pulse_blocks.errors import PulseError
from pulse_blocks.ledger.served import Served
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.serving.model import Model
from pulse_blocks.serving.probation.distances import equal_bins, jensen_shannon, roc_auc, tenths

# Enough for the comparison; more would only cost memory.
MOST_PAIRS = 5_000
# Between two rows the thread lets the event loop have the interpreter.
_PAUSE_SECONDS = 0.0005
# What a request costs beside the call of its model.
_BESIDE_NS = 100_000


class Shadow:
    """Both models, copies of this thread's own, and what they said."""

    def __init__(self, new: Model, before: Model, share: float) -> None:
        """``share`` of the requests is compared."""
        self._new, self._before = new, before
        self._least = int(share * 2**32)
        self._answers: dict[str, tuple[list[float], list[float]]] = {}
        self._times: list[tuple[int, int]] = []

    @property
    def pairs(self) -> int:
        """How many requests both have answered."""
        return len(self._answers)

    @property
    def ids(self) -> list[str]:
        """The inferences behind them."""
        return list(self._answers)

    def look_at(self, rows: Iterable[Served], pause: Callable[[float], Any] = time.sleep) -> None:
        """Have both models answer the sampled ones of these requests.

        What the champion before does not take (another protocol), or what the ledger holds in part (a private
        column), is left out.
        """
        for row in rows:
            if len(self._answers) >= MOST_PAIRS:
                return
            if zlib.crc32(row.id.encode()) >= self._least:
                continue
            try:
                (before, usual), (new, taken) = self._both(row.input)
            except (msgspec.MsgspecError, PulseError):
                continue
            self._answers[row.id] = before, new
            self._times.append((usual, taken))
            pause(_PAUSE_SECONDS)

    def _both(self, text: str) -> tuple[tuple[list[float], int], tuple[list[float], int]]:
        """What both say and how long it takes them; by turns one or the other has the colder caches."""
        models = [(self._before, self._before.decode(text)), (self._new, self._new.decode(text))]
        if len(self._times) % 2:
            before, new = (_timed(*one) for one in models)
        else:
            new, before = (_timed(*one) for one in reversed(models))
        return before, new

    def slowdown(self) -> float | None:
        """How many times as long a request takes with the new model, by the median of its calls."""
        if not self._times:
            return None
        # Imported where a champion is on probation: the start of every runtime would take two milliseconds longer.
        import statistics

        usual, taken = (statistics.median(times) for times in zip(*self._times, strict=True))
        return float((taken + _BESIDE_NS) / (usual + _BESIDE_NS))

    def distance(self) -> float | None:
        """The Jensen-Shannon distance of the answers: probabilities in ten bins, classes, or tenths of the values."""
        if not self._answers:
            return None
        before, new = (
            [_one(answer) for answer in side] for side in zip(*self._answers.values(), strict=True)
        )
        protocol = self._new.protocol
        if protocol.task == "binary-classification":
            edges = equal_bins(0.0, 1.0)
        elif protocol.task == "regression":
            edges = tenths(before)
        else:
            edges = [number + 0.5 for number in range(len(next(iter(self._answers.values()))[0]) - 1)]
        return jensen_shannon(before, new, edges)

    def drop(self, labels: Mapping[str, str]) -> float | None:
        """By how much the new model is worse on requests with a label (JSON by inference).

        ROC AUC for two classes, accuracy for more, the share by which the mean absolute error grew for numbers.
        """
        known = [
            (*self._answers[at], json.loads(value)) for at, value in labels.items() if at in self._answers
        ]
        if not known:
            return None
        before, new, truth = zip(*known, strict=True)
        scores = [_quality(self._new.protocol, side, truth) for side in (before, new)]
        if scores[0] is None or scores[1] is None:
            return None
        return scores[0] - scores[1]


def _timed(model: Model, record: msgspec.Struct) -> tuple[list[float], int]:
    """The model's numbers for one request, and the nanoseconds that it took."""
    begun = time.perf_counter_ns()
    values = model.values([record])
    return values, time.perf_counter_ns() - begun


def _one(answer: list[float]) -> float:
    """A number for an answer: the probability, the value, or the number of the likeliest class."""
    return answer[0] if len(answer) == 1 else float(max(range(len(answer)), key=answer.__getitem__))


def _quality(protocol: Protocol, answers: Iterable[list[float]], truth: Iterable[Any]) -> float | None:
    """Larger is better."""
    ones = [_one(answer) for answer in answers]
    if protocol.task == "binary-classification":
        return roc_auc(ones, [bool(value) for value in truth])
    if protocol.task == "regression":
        import statistics

        values = [float(value) for value in truth]
        middle = statistics.fmean(values)
        spread = statistics.fmean(abs(value - middle) for value in values)
        errors = [abs(one - value) for one, value in zip(ones, values, strict=True)]
        return float(-statistics.fmean(errors) / spread) if spread else None
    classes = protocol.target.values
    right = [
        (classes[int(one)] if classes else int(one)) == value for one, value in zip(ones, truth, strict=True)
    ]
    return float(sum(right) / len(right))
