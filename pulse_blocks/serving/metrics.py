"""Plain counters, in Prometheus's text format. Cheaper than a client library on the hot path."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
Sample = tuple[str, float]


class Metrics:
    """What the runtime has done since it started. Counters only grow."""

    def __init__(self) -> None:
        self.responses: Counter[tuple[str, int]] = Counter()
        self.predictions: Counter[str] = Counter()
        self.swaps: Counter[str] = Counter()
        self.swap_failures: Counter[str] = Counter()
        self.model_failures: Counter[str] = Counter()
        self.fallbacks: Counter[str] = Counter()
        self.shed = 0
        self.late = 0
        self.gone = 0
        self.batches = 0
        self.batched_rows = 0
        self.cache_hits = 0
        self.commits = 0
        self.commit_failures = 0
        self._latencies = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0

    def observe(self, name: str, status: int, seconds: float) -> None:
        """Count one answer to a prediction request; ``name`` is a served model's."""
        self.responses[name, status] += 1
        self._seconds += seconds
        self._latencies[bisect_left(BUCKETS, seconds)] += 1

    def render(self, waiting: dict[str, int], serving: dict[str, str]) -> str:
        """The text: counters, requests that wait by model name, and the model id that each name serves."""
        lines: list[str] = []
        _family(
            lines, "pulse_responses_total", "counter", "Answers to prediction requests.",
            ((f'{{model="{name}",status="{status}"}}', n) for (name, status), n in self.responses.items()),
        )  # fmt: skip
        _labelled(lines, "pulse_predictions_total", "Predictions answered, by model id.", self.predictions)
        _labelled(lines, "pulse_model_swaps_total", "Promotions that went live.", self.swaps)
        _labelled(
            lines, "pulse_model_swap_failures_total", "Promotions that could not be used.", self.swap_failures
        )
        for name, text, value in (
            ("pulse_shed_total", "Requests refused because the queue was full.", self.shed),
            ("pulse_cache_hits_total", "Records answered from the cache.", self.cache_hits),
            ("pulse_batches_total", "Calls of a model.", self.batches),
            ("pulse_batched_rows_total", "Rows in all calls of a model.", self.batched_rows),
            ("pulse_ledger_commits_total", "Transactions of the ledger.", self.commits),
            ("pulse_ledger_failures_total", "Transactions that failed.", self.commit_failures),
        ):
            _family(lines, name, "counter", text, [("", value)])
        self._histogram(lines)
        _family(
            lines, "pulse_waiting_requests", "gauge", "Requests that are waiting for their answer.",
            ((f'{{model="{name}"}}', n) for name, n in waiting.items()),
        )  # fmt: skip
        _family(
            lines, "pulse_model_info", "gauge", "The model id that a name serves.",
            ((f'{{model="{name}",id="{model}"}}', 1) for name, model in serving.items()),
        )  # fmt: skip
        return "\n".join(lines) + "\n"

    def _histogram(self, lines: list[str]) -> None:
        name, total = "pulse_response_seconds", 0
        samples: list[Sample] = []
        for bound, count in zip((*map(str, BUCKETS), "+Inf"), self._latencies, strict=True):
            total += count
            samples.append((f'_bucket{{le="{bound}"}}', total))
        samples += [("_sum", self._seconds), ("_count", total)]
        _family(lines, name, "histogram", "From the head of a request to its answer.", samples)


def _labelled(lines: list[str], name: str, text: str, counts: Counter[str]) -> None:
    _family(lines, name, "counter", text, ((f'{{model="{model}"}}', n) for model, n in counts.items()))


def _family(lines: list[str], name: str, kind: str, text: str, samples: Iterable[Sample]) -> None:
    lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
    lines += [f"{name}{suffix} {value}" for suffix, value in samples]
