"""The runtime itself sees that what it is asked has changed, and says so once."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Sequence
from typing import Any

import pytest

from pulse_blocks.ledger import open_ledger
from pulse_blocks.ledger.rows import OutboxEvent
from pulse_blocks.settings import Workspace
from tests.drifting_models import dated, heavier, rows
from tests.served_models import runtime
from tests.waiting import until

SUSPECTED = "pulse.drift.suspected"


def post(url: str, records: Sequence[dict[str, Any]], *, singly: bool = False) -> None:
    """Ask the runtime, in one body or in one each (which goes the short way)."""
    for body in records if singly else [{"instances": list(records)}]:
        request = urllib.request.Request(
            f"{url}/predict/tiny", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as reply:
            assert reply.status == 200


def gauges(url: str, name: str) -> dict[str, float]:
    """The samples of a metric, by their labels."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as reply:
        lines = reply.read().decode().splitlines()
    found = [
        line.removeprefix(name).rsplit(" ", 1) for line in lines if line.startswith((f"{name}{{", f"{name} "))
    ]
    return {labels: float(value) for labels, value in found}


def told(workspace: Workspace) -> list[OutboxEvent]:
    """The suspicions that wait for Prefect."""
    with open_ledger(workspace.ledger) as ledger:
        return [event for event in ledger.unsent() if event.event == SUSPECTED]


@pytest.mark.parametrize("singly", [False, True])
def test_what_has_changed_is_suspected_once(workspace: Workspace, *, singly: bool) -> None:
    """The gauge passes its threshold, and one event of the window says which features; by either way in."""
    with runtime(workspace, "tiny") as (url, _):
        count = 150 if singly else 400
        post(url, dated(rows(count, weight=heavier)), singly=singly)
        assert until(lambda: bool(told(workspace)), 15, 0.1)
        post(url, dated(rows(count, seed=8, weight=heavier)), singly=singly)
        assert until(lambda: gauges(url, "pulse_drift_rows_total")[""] == 2 * count, 15, 0.1)
        label = '{model="tiny",feature="weight"}'
        scores, limits = (gauges(url, f"pulse_feature_drift{end}") for end in ("", "_threshold"))
        assert scores[label] > limits[label]
        assert set(scores) == set(limits)
        assert gauges(url, "pulse_prediction_drift")
    (event,) = told(workspace)
    assert event.resource == "pulse.model.tiny"
    assert event.payload["name"] == "tiny"
    assert event.payload["features"] == ["weight"]
    assert 100 <= event.payload["rows"] <= count
    assert "2026-03-05" < event.payload["window_end"] < "2026-03-08"


def test_what_has_not_changed_is_not(workspace: Workspace) -> None:
    """Gauges below their thresholds, and no event."""
    with runtime(workspace, "tiny") as (url, _):
        post(url, dated(rows(400)))
        assert until(lambda: bool(gauges(url, "pulse_feature_drift")), 15, 0.1)
        limits = gauges(url, "pulse_feature_drift_threshold")
        for label, score in gauges(url, "pulse_feature_drift").items():
            assert score < limits[label]
        assert gauges(url, "pulse_drift_share") == {'{model="tiny"}': 0.0}
    assert told(workspace) == []


def test_a_restart_neither_forgets_nor_repeats(workspace: Workspace) -> None:
    """The window comes back from the ledger with the first answer; its event was told before."""
    with runtime(workspace, "tiny") as (url, _):
        post(url, dated(rows(400, weight=heavier)))
        assert until(lambda: bool(told(workspace)), 15, 0.1)
    with runtime(workspace, "tiny") as (url, _):
        post(url, [dated(rows(400, weight=heavier))[-1]])
        assert until(lambda: bool(gauges(url, "pulse_drift_share")), 15, 0.1)
        assert gauges(url, "pulse_drift_share")['{model="tiny"}'] > 0.2
    assert len(told(workspace)) == 1


def test_workers_each_see_a_share_and_tell_it_once(workspace: Workspace) -> None:
    """Both judge their own rows; the event of a window is one, and the metrics are of all."""
    with runtime(workspace, "tiny", workers=2) as (url, _):
        records = dated(rows(600, weight=heavier))
        for at in range(30):
            post(url, records[at::30])
        assert until(lambda: gauges(url, "pulse_drift_rows_total")[""] == 600, 20, 0.1)
        assert until(lambda: bool(told(workspace)), 20, 0.1)
        # Either worker may answer for the metrics, and it hears of the other's verdict a moment later.
        assert until(lambda: gauges(url, "pulse_drift_share").get('{model="tiny"}', 0) > 0.2, 20, 0.1)
    assert len(told(workspace)) == 1
