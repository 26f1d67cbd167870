"""Plain counters, in Prometheus's text format. Cheaper than a client library on the hot path."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from pulse_blocks.serving.probation.verdict import Facts
from pulse_blocks.serving.tripwire.finding import LiveDrift

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
Sample = tuple[str, float]

# By status of a circuit breaker, as a gauge.
CIRCUIT_STATES = {"closed": 0, "half-open": 1, "open": 2}


class Now(NamedTuple):
    """What is so at this moment, by the name that is served.

    ``circuits``: kind (``model`` or ``ledger``) and what it guards → state and how often it opened.
    ``spooled``: rows that wait for the ledger on this machine's disk, how many ever did, and files that were kept
    because some of their rows cannot be read.
    ``probations``: what is known of the champions that are new.
    ``drifts``: what the tripwire found last.
    """

    waiting: Mapping[str, int]
    serving: Mapping[str, str]
    fallbacks: Mapping[str, str]
    circuits: Mapping[tuple[str, str], tuple[str, int]]
    retry_after: float
    spooled: tuple[int, int, int] = (0, 0, 0)
    probations: Mapping[str, Facts] = MappingProxyType({})
    drifts: Mapping[str, LiveDrift] = MappingProxyType({})


class Metrics:
    """What the runtime has done since it started. Counters only grow; each is counted by one thread at a time."""

    def __init__(self) -> None:
        self.responses: Counter[tuple[str, int]] = Counter()
        self.predictions: Counter[str] = Counter()
        self.swaps: Counter[str] = Counter()
        self.swap_failures: Counter[str] = Counter()
        self.model_failures: Counter[str] = Counter()
        self.fallbacks: Counter[str] = Counter()
        # By thread; what is expected to fail at times (a ledger that is away) does not count.
        self.thread_failures: Counter[str] = Counter()
        self.shed = 0
        self.late = 0
        self.gone = 0
        self.batches = 0
        self.batched_rows = 0
        # Of those that a batch was made of; ``known`` are requests that passed the worker by.
        self.cache_hits = 0
        self.known = 0
        self.commits = 0
        self.commit_failures = 0
        self.drift_rows = 0
        self.drift_skipped = 0
        self._latencies = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0

    def observe(self, name: str, status: int, seconds: float) -> None:
        """Count one answer to a prediction request; ``name`` is a served model's."""
        self.responses[name, status] += 1
        self._seconds += seconds
        self._latencies[bisect_left(BUCKETS, seconds)] += 1

    def render(self, now: Now) -> str:
        """The text: counters, and what is so at this moment."""
        lines: list[str] = []
        _family(
            lines, "pulse_responses_total", "counter", "Answers to prediction requests.",
            ((f'{{model="{name}",status="{status}"}}', n) for (name, status), n in self.responses.items()),
        )  # fmt: skip
        for name, text, counts in (
            ("pulse_predictions_total", "Predictions answered, by model id.", self.predictions),
            ("pulse_model_failures_total", "Calls of a model that failed.", self.model_failures),
            ("pulse_fallbacks_total", "Requests handed to the previous champion.", self.fallbacks),
            ("pulse_model_swaps_total", "Promotions that went live.", self.swaps),
            ("pulse_model_swap_failures_total", "Promotions that could not be used.", self.swap_failures),
        ):
            _family(lines, name, "counter", text, _labelled(counts))
        for name, text, value in (
            ("pulse_shed_total", "Requests refused at once because too many were waiting.", self.shed),
            ("pulse_late_total", "Requests whose time was up.", self.late),
            ("pulse_gone_total", "Requests whose client went before the answer.", self.gone),
            ("pulse_cache_hits_total", "Records answered from the cache.", self.cache_hits + self.known),
            ("pulse_batches_total", "Calls of a model that succeeded.", self.batches),
            ("pulse_batched_rows_total", "Rows in all of those calls.", self.batched_rows),
            ("pulse_ledger_commits_total", "Transactions of the ledger.", self.commits),
            ("pulse_ledger_failures_total", "Transactions that failed.", self.commit_failures),
            ("pulse_drift_rows_total", "Rows that were looked at for live drift.", self.drift_rows),
            ("pulse_drift_skipped_rows_total", "Rows left out of that, a sample.", self.drift_skipped),
        ):
            _family(lines, name, "counter", text, [("", value)])
        _family(
            lines, "pulse_thread_failures_total", "counter", "Looks of a thread that failed unexpectedly.",
            ((f'{{thread="{thread}"}}', n) for thread, n in list(self.thread_failures.items())),
        )  # fmt: skip
        self._histogram(lines)
        _gauges(lines, now)
        _guards(lines, now.probations)
        _drifts(lines, now.drifts)
        return "\n".join(lines) + "\n"

    def _histogram(self, lines: list[str]) -> None:
        name, total = "pulse_response_seconds", 0
        samples: list[Sample] = []
        for bound, count in zip((*map(str, BUCKETS), "+Inf"), self._latencies, strict=True):
            total += count
            samples.append((f'_bucket{{le="{bound}"}}', total))
        samples += [("_sum", self._seconds), ("_count", total)]
        _family(lines, name, "histogram", "From the head of a request to its answer.", samples)


def _gauges(lines: list[str], now: Now) -> None:
    _family(
        lines, "pulse_waiting_requests", "gauge", "Requests that are waiting for their answer.",
        _labelled(now.waiting),
    )  # fmt: skip
    _family(
        lines, "pulse_retry_after_seconds", "gauge", "How long a request that came now would wait, as measured.",
        [("", now.retry_after)],
    )  # fmt: skip
    for name, kind, text, value in (
        ("pulse_spool_waiting_rows", "gauge", "Rows that wait for the ledger on disk.", now.spooled[0]),
        ("pulse_spooled_rows_total", "counter", "Rows that ever did.", now.spooled[1]),
        ("pulse_spool_damaged_files_total", "counter", "Files kept as damaged.", now.spooled[2]),
    ):
        _family(lines, name, kind, text, [("", value)])
    for name, text, ids in (
        ("pulse_model_info", "The model id that a name serves.", now.serving),
        ("pulse_fallback_info", "The model id that answers where that one fails.", now.fallbacks),
    ):
        _family(lines, name, "gauge", text, ((f'{{model="{n}",id="{i}"}}', 1) for n, i in ids.items()))
    for name, kind, text, at in (
        ("pulse_circuit_state", "gauge", "Circuit breakers: 0 closed, 1 half-open, 2 open.", 0),
        ("pulse_circuit_opened_total", "counter", "How often a circuit breaker opened.", 1),
    ):
        samples = [
            (f'{{circuit="{what}",model="{of}"}}', (CIRCUIT_STATES[state], times)[at])
            for (what, of), (state, times) in now.circuits.items()
        ]
        _family(lines, name, kind, text, samples)


def _guards(lines: list[str], probations: Mapping[str, Facts]) -> None:
    for name, text, field in (
        ("pulse_guard_requests", "Requests since the promotion of a champion on probation.", "requests"),
        ("pulse_guard_failed_requests", "Of these, answered by a 5xx or by the fallback.", "failed"),
        ("pulse_guard_pairs", "Requests that the champion before answered too, silently.", "pairs"),
        ("pulse_guard_slowdown", "How many times as long as the one before its call takes.", "slowdown"),
        ("pulse_guard_distance", "Jensen-Shannon distance of the answers of both, 0 to 1.", "distance"),
        ("pulse_guard_drop", "By how much its metric is below the one before, by labels.", "drop"),
    ):
        known = ((model, getattr(facts, field)) for model, facts in probations.items())
        samples = [(f'{{model="{model}"}}', value) for model, value in known if value is not None]
        _family(lines, name, "gauge", text, samples)


def _drifts(lines: list[str], drifts: Mapping[str, LiveDrift]) -> None:
    columns = [
        (f'{{model="{model}",feature="{name}"}}', one)
        for model, found in drifts.items()
        for name, one in found.features.items()
    ]
    answers = [(f'{{model="{model}"}}', found.prediction) for model, found in drifts.items()]
    for what, text, known in (
        ("feature", "Distance of a feature to its reference", columns),
        ("prediction", "Distance of the answers to their reference", answers),
    ):
        scores = [(label, one.score) for label, one in known if one.score is not None]
        limits = [(label, one.threshold) for label, one in known]
        _family(lines, f"pulse_{what}_drift", "gauge", f"{text}, in the newest window.", scores)
        _family(lines, f"pulse_{what}_drift_threshold", "gauge", "From where on it has drifted.", limits)
    shares = [(f'{{model="{model}"}}', found.share) for model, found in drifts.items()]
    _family(lines, "pulse_drift_share", "gauge", "The weighed share of features that have drifted.", shares)


def _labelled(counts: Mapping[str, int]) -> Iterator[Sample]:
    return ((f'{{model="{model}"}}', n) for model, n in list(counts.items()))


def _family(lines: list[str], name: str, kind: str, text: str, samples: Iterable[Sample]) -> None:
    lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
    lines += [f"{name}{suffix} {value}" for suffix, value in samples]
