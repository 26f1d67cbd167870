"""A new champion that does worse is found by the runtime itself, from what it is asked."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import lightgbm as lgb
import numpy as np

from pulse_blocks.ledger import open_ledger
from pulse_blocks.ledger.regressions import Regression
from pulse_blocks.settings import Workspace
from tests.served_models import matrix, promote, protocol, records, runtime, train
from tests.waiting import until

GUARD = {"guard": {"shadow": 1, "min_requests": 20}}


def inverted() -> bytes:
    """A model that says the opposite."""
    rows = matrix(records(2000, 1))
    score = np.nan_to_num(rows[:, 0]) / 25 + np.nan_to_num(rows[:, 1], nan=900) / 900 + 0.1 * rows[:, 3]
    params = {"objective": "binary", "verbosity": -1, "num_leaves": 15, "seed": 1, "num_threads": 1}
    booster = lgb.train(params, lgb.Dataset(rows, score <= 2.5, categorical_feature=[2]), 20)
    return str(booster.model_to_string()).encode()


def ask(url: str, rows: list[dict[str, Any]]) -> str:
    """Post rows; gives the model that answered."""
    request = urllib.request.Request(
        f"{url}/predict/parcels",
        json.dumps({"instances": rows}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as reply:
        return str(reply.headers["pulse-model"])


def swapped(workspace: Workspace, url: str, text: bytes) -> str:
    """Promote a model and wait until it answers; its id."""
    promotion = promote(workspace, protocol(monitoring=GUARD), text, "2")
    assert until(lambda: ask(url, records(1)) == promotion.model, 10)
    return promotion.model


def regressions(workspace: Workspace) -> list[Regression]:
    """What the ledger knows."""
    with open_ledger(workspace.ledger) as ledger:
        return ledger.regressions("parcels")


def test_a_champion_that_says_something_else_is_found(workspace: Workspace) -> None:
    """Its predictions are far from those of the champion before, on the same requests: the ledger and Prefect hear."""
    first = promote(workspace, protocol(monitoring=GUARD), train(protocol()).model_to_string().encode())
    with runtime(workspace, "parcels") as (url, _):
        second = swapped(workspace, url, inverted())
        for seed in range(3):
            ask(url, records(60, seed))
        assert until(lambda: bool(regressions(workspace)), 15, 0.1)
    (found,) = regressions(workspace)
    assert (found.model, found.previous) == (second, first.model)
    assert "Jensen-Shannon" in found.reason
    details = json.loads(found.details)
    assert details["pairs"] >= 100
    assert details["distance"] > 0.3
    with open_ledger(workspace.ledger) as ledger:
        told = [event for event in ledger.unsent() if event.event == "pulse.model.regressed"]
        assert [event.payload["regression"] for event in told] == [found.id]


def test_a_champion_that_does_as_well_stays(workspace: Workspace) -> None:
    """Another fit of the same data is watched, as /metrics shows, and nothing is said against it."""
    promote(workspace, protocol(monitoring=GUARD), train(protocol()).model_to_string().encode())
    with runtime(workspace, "parcels") as (url, _):
        swapped(workspace, url, train(protocol(), seed=2, rounds=25).model_to_string().encode())
        for seed in range(3):
            ask(url, records(60, seed))

        def pairs() -> float:
            with urllib.request.urlopen(f"{url}/metrics", timeout=10) as reply:
                lines = reply.read().decode().splitlines()
            return max(
                (float(line.split()[1]) for line in lines if line.startswith("pulse_guard_pairs{")), default=0
            )

        assert until(lambda: pairs() >= 150, 15, 0.2)
    assert regressions(workspace) == []
