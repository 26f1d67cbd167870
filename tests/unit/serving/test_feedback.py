"""Labels over HTTP: kept once, checked against the target, all or none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from pulse_blocks import settings
from tests.served_models import RECORD, protocol, runtime, train_and_promote

from .conftest import Served


def predict(served: Served, name: str = "parcels") -> str:
    """The id of a new inference."""
    return str(served.client.post(f"/predict/{name}", json=RECORD).json()["inference_id"])


@pytest.mark.parametrize(
    ("name", "value"), [("parcels", True), ("days", "tue"), ("hours", 3), ("hours", 2.5)]
)
def test_a_label_is_kept(served: Served, name: str, value: Any) -> None:
    """What turned out to be true is in the ledger, with the time that the client gave."""
    inference = predict(served, name)
    body = {"inference_id": inference, "value": value, "time": "1970-01-01T00:00:01Z"}
    response = served.client.post("/feedback", json=body)
    assert (response.status_code, response.json()) == (200, {"recorded": 1, "unchanged": 0})
    (label,) = served.ledger.labels(inference)
    assert (json.loads(label.value), label.event_time) == (value, 1_000_000)


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A runtime whose target is a number of days."""
    workspace = settings.load(tmp_path_factory.mktemp("counted"), environ={})
    train_and_promote(workspace, protocol("days", "regression", target={"name": "days", "type": "int"}))
    with runtime(workspace, "days") as (url, _), httpx.Client(base_url=url, timeout=30) as client:
        yield client


@pytest.mark.parametrize("value", ["1" + "0" * 400, "-1" + "0" * 400, "1e400"])
def test_a_number_that_no_column_holds_is_no_label(served: Served, counted: httpx.Client, value: str) -> None:
    """Refused in words; the connection goes on, and nothing is kept."""
    for client, name in ((served.client, "hours"), (counted, "days")):
        inference = client.post(f"/predict/{name}", json=RECORD).json()["inference_id"]
        body = f'{{"inference_id": "{inference}", "value": {value}}}'
        reply = client.post("/feedback", content=body)
        assert reply.status_code == (400 if "e" in value else 422), reply.text
        assert client.get("/readyz").status_code == 200
    assert served.ledger.labels(inference) == []


def test_an_integer_label_has_64_bits(counted: httpx.Client) -> None:
    """As a column of integers; 3.0 and true are none."""
    inference = counted.post("/predict/days", json=RECORD).json()["inference_id"]
    for value, status in ((2**63 - 1, 200), (-(2**63), 200), (2**63, 422), (3.0, 422), (True, 422), (3, 200)):
        reply = counted.post("/feedback", json={"inference_id": inference, "value": value})
        assert (value, reply.status_code) == (value, status)


def test_labels_may_be_sent_again(served: Served) -> None:
    """A bulk that is repeated, or sent in part before, changes nothing; a correction counts."""
    first, second = predict(served), predict(served)
    labels = [{"inference_id": each, "value": False} for each in (first, second)]
    replies = [
        served.client.post("/feedback", json=body).json()
        for body in (labels[0], {"labels": labels}, {"labels": labels}, {**labels[1], "value": True})
    ]
    assert [(reply["recorded"], reply["unchanged"]) for reply in replies] == [(1, 0), (1, 1), (0, 2), (1, 0)]
    assert served.ledger.labels(second)[-1].value == "true"


def test_one_bad_label_keeps_all_out(served: Served) -> None:
    """Each label that cannot be kept is named by its place, and none of the request is written."""
    good, days, hours = predict(served), predict(served, "days"), predict(served, "hours")
    labels: list[Any] = [
        {"inference_id": good, "value": True},
        {"inference_id": good, "value": 1},
        {"inference_id": days, "value": "sun"},
        {"inference_id": hours, "value": True},
        {"inference_id": good[:-3], "value": True},
        {"inference_id": "inference_" + "0" * 26, "value": True},
    ]
    response = served.client.post("/feedback", json={"labels": labels})
    assert response.status_code == 422
    assert [field["path"] for field in response.json()["error"]["fields"]] == [
        "labels[1].value", "labels[2].value", "labels[3].value", "labels[4].inference_id", "labels[5].inference_id",
    ]  # fmt: skip
    assert served.ledger.labels(good) == []


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({}, ["inference_id", "value"]),
        ({"inference_id": 3, "value": 1, "time": "soon", "note": ""}, ["note", "inference_id", "time"]),
        ({"inference_id": "inference_0", "value": 1, "time": "9999-12-31T23:59:59-14:00"}, ["time"]),
        ({"labels": []}, ["labels"]),
        ({"labels": {}}, ["labels"]),
        ({"labels": [7]}, ["labels[0]"]),
        ({"labels": [7], "more": 1}, ["labels"]),
        ([], [""]),
    ],
)
def test_what_is_no_label_is_named(served: Served, body: Any, paths: list[str]) -> None:
    """Every field at fault, before the ledger is asked."""
    response = served.client.post("/feedback", json=body)
    assert response.status_code == 422
    assert [field["path"] for field in response.json()["error"]["fields"]] == paths


def test_feedback_is_held_to_the_same_limits(served: Served) -> None:
    """No JSON is a 400, too much a 413, another method a 405, each in the form of every error."""
    answers = [
        served.client.post("/feedback", content=b"{"),
        served.client.post("/feedback", content=b" " * 10_000_001),
        served.client.get("/feedback"),
    ]
    assert [answer.status_code for answer in answers] == [400, 413, 405]
    assert all(answer.json()["error"]["code"] for answer in answers)
