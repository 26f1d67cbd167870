"""What the runtime does at this moment, read from its own metrics: of all its workers, as Prometheus sees them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pulse_blocks.records import Record

_SAMPLE = re.compile(r"^(?P<family>pulse_\w+)(?:\{(?P<labels>[^}]*)\})? (?P<value>\S+)$")
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_STATES = ("closed", "half-open", "open")


class Breaker(Record, frozen=True, kw_only=True):
    """A circuit breaker: what it guards (a model, or the ledger for one), its state, and how often it opened."""

    guards: str
    of: str
    state: str
    opened: int


class Live(Record, frozen=True, kw_only=True):
    """Counts since the runtime started; ``waiting`` is of this moment. Shares are 0 to 1, None without requests."""

    requests: int
    failed: int
    predictions: int
    cache_hits: int
    cache_share: float | None
    shed: int
    waiting: int
    breakers: tuple[Breaker, ...]


def live(metrics: str) -> Live:
    """Read a Prometheus text."""
    samples = list(_samples(metrics))
    predictions = _total(samples, "pulse_predictions_total")
    hits = _total(samples, "pulse_cache_hits_total")
    responses = [(labels, value) for family, labels, value in samples if family == "pulse_responses_total"]
    return Live(
        requests=int(sum(value for _, value in responses)),
        failed=int(sum(value for labels, value in responses if labels["status"].startswith("5"))),
        predictions=predictions,
        cache_hits=hits,
        cache_share=min(1.0, hits / predictions) if predictions else None,
        shed=_total(samples, "pulse_shed_total"),
        waiting=_total(samples, "pulse_waiting_requests"),
        breakers=tuple(_breakers(samples)),
    )


_Sample = tuple[str, dict[str, str], float]


def _samples(metrics: str) -> Iterator[_Sample]:
    for line in metrics.splitlines():
        if found := _SAMPLE.match(line):
            yield found["family"], dict(_LABEL.findall(found["labels"] or "")), float(found["value"])


def _total(samples: list[_Sample], family: str) -> int:
    return int(sum(value for name, _, value in samples if name == family))


def _breakers(samples: list[_Sample]) -> Iterator[Breaker]:
    opened = {
        (labels["circuit"], labels["model"]): int(value)
        for family, labels, value in samples
        if family == "pulse_circuit_opened_total"
    }
    for family, labels, value in samples:
        if family == "pulse_circuit_state":
            key = labels["circuit"], labels["model"]
            yield Breaker(guards=key[0], of=key[1], state=_STATES[int(value)], opened=opened.get(key, 0))
