"""What the first page tells of the runtime, read from its metrics."""

from __future__ import annotations

from pulse_blocks.serving.metrics import Metrics, Now
from pulse_blocks.ui.live import live


def test_the_counts_are_those_of_the_metrics() -> None:
    """Requests, failures, cache and breakers come out as the runtime counted them."""
    metrics = Metrics()
    for status in (200, 200, 422, 503):
        metrics.observe("parcels", status, 0.001)
    metrics.predictions["parcels@1.0.0-3fa94c1"] += 8
    metrics.cache_hits, metrics.shed = 2, 1
    now = Now(
        waiting={"parcels": 3},
        serving={"parcels": "parcels@1.0.0-3fa94c1"},
        fallbacks={},
        circuits={("model", "parcels@1.0.0-3fa94c1"): ("half-open", 4), ("ledger", "parcels"): ("closed", 0)},
        retry_after=0.0,
    )
    found = live(metrics.render(now))
    assert (found.requests, found.failed, found.predictions, found.shed, found.waiting) == (4, 1, 8, 1, 3)
    assert found.cache_share == 0.25
    assert [(one.guards, one.state, one.opened) for one in found.breakers] == [
        ("model", "half-open", 4),
        ("ledger", "closed", 0),
    ]


def test_nothing_asked_yet_is_no_share_of_the_cache() -> None:
    """Without a prediction there is no share to tell, and no division by nothing."""
    assert live("").cache_share is None
