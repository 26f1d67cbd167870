"""The runtime over HTTP: what it answers, what it refuses, and what the ledger holds then."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import msgspec
import pytest

from pulse_blocks.errors import PulseError
from tests.served_models import RECORD, records

from .conftest import Served


def outputs(served: Served, name: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the model gives, computed in this process."""
    model = served.models[name]
    return [json.loads(output) for output in model.outputs(msgspec.convert(rows, list[model.record]))]  # type: ignore[name-defined]


@pytest.mark.parametrize("name", ["parcels", "days", "hours"])
def test_one_record_gets_one_prediction(served: Served, name: str) -> None:
    """A reply holds inference id, model and the output of the task, and its headers the same ids."""
    response = served.client.post(f"/predict/{name}", json=RECORD)
    reply = response.json()
    assert response.status_code == 200
    assert reply["model"] == served.models[name].id == response.headers["pulse-model"]
    assert reply["inference_id"] == response.headers["pulse-inference-id"]
    assert {key: reply[key] for key in reply.keys() - {"inference_id", "model"}} == outputs(
        served, name, [RECORD]
    )[0]


def test_tasks_answer_in_their_own_words(served: Served) -> None:
    """Probability and decision; probabilities by class; a value."""
    parcels, days, hours = (
        set(served.client.post(f"/predict/{name}", json=RECORD).json()) - {"inference_id", "model"}
        for name in ("parcels", "days", "hours")
    )
    assert (parcels, days, hours) == ({"probability", "decision"}, {"probabilities"}, {"value"})
    classes = served.client.post("/predict/days", json=RECORD).json()["probabilities"]
    assert list(classes) == ["mon", "tue", "wed"]
    assert sum(classes.values()) == pytest.approx(1)


@pytest.mark.parametrize("count", [1, 64, 200])
def test_many_records_get_one_prediction_each(served: Served, count: int) -> None:
    """Instances and columns give the same predictions in order, each with an id of its own."""
    rows = records(count, seed=count)
    as_instances = served.client.post("/predict/parcels", json={"instances": rows}).json()["predictions"]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    as_columns = served.client.post("/predict/parcels", json={"columns": columns}).json()["predictions"]
    expected = [output["probability"] for output in outputs(served, "parcels", rows)]
    assert [prediction["probability"] for prediction in as_instances] == expected
    assert [prediction["probability"] for prediction in as_columns] == expected
    assert len({prediction["inference_id"] for prediction in as_instances + as_columns}) == 2 * count


def test_every_reply_is_in_the_ledger(served: Served) -> None:
    """Row and reply agree, and the hashes are over exactly the JSON that was kept."""
    for row in records(20, seed=3):
        reply = served.client.post("/predict/parcels", json=row).json()
        kept = served.ledger.inference(reply["inference_id"])
        assert json.loads(kept.input) == {**row, "sent": None, "parcel": None}
        assert json.loads(kept.output) == {"probability": reply["probability"], "decision": reply["decision"]}
        assert kept.model == reply["model"]
        assert kept.input_sha256 == hashlib.sha256(kept.input.encode()).hexdigest()
        assert kept.output_sha256 == hashlib.sha256(kept.output.encode()).hexdigest()
        assert 0 < kept.latency_us < 10_000_000


def test_event_time_and_key_come_along(served: Served) -> None:
    """The source's time and key reach the ledger and not the model."""
    given = {**RECORD, "sent": "2026-01-15T02:00:00+01:00", "parcel": "p1"}
    reply = served.client.post("/predict/parcels", json=given).json()
    kept = served.ledger.inference(reply["inference_id"])
    assert (kept.event_time, kept.source_key) == (1_768_438_800_000_000, "p1")
    assert reply["probability"] == outputs(served, "parcels", [RECORD])[0]["probability"]


def test_the_same_input_has_the_same_hash(served: Served) -> None:
    """Spacing and order of a body do not matter to the input's hash."""
    spaced = json.dumps(dict(reversed(RECORD.items())), indent=3)
    ids = [
        served.client.post("/predict/parcels", content=content).json()["inference_id"]
        for content in (json.dumps(RECORD), spaced)
    ]
    assert len({served.ledger.inference(inference_id).input_sha256 for inference_id in ids}) == 1


REFUSED: dict[str, tuple[Any, list[str]]] = {
    "several bad fields": ({**RECORD, "weight": -1, "carrier": "ship"}, ["weight", "carrier"]),
    "an unknown field": ({**RECORD, "wieght": 1}, ["wieght"]),
    "a missing field": ({"distance": 3}, ["weight", "carrier", "stops"]),
    "null where it may not be": ({**RECORD, "weight": None}, ["weight"]),
    "no object": ([1, 2], [""]),
    "a number": (3, [""]),
    "bad instances": ({"instances": [RECORD, {**RECORD, "stops": 1.5}, 7]}, ["instances[1].stops", "instances[2]"]),
    "no instances": ({"instances": []}, ["instances"]),
    "instances that are no list": ({"instances": RECORD}, ["instances"]),
    "something beside": ({"instances": [RECORD], "paramters": {}}, ["paramters"]),
    "columns of two lengths": ({"columns": {"weight": [1, 2], "stops": [1]}}, ["columns.stops"]),
    "columns that are no lists": ({"columns": {"weight": 1}}, ["columns.weight"]),
    "a bad column": ({"columns": {name: [value, value] for name, value in RECORD.items()} | {"stops": [1, 99]}},
                     ["columns.stops[1]"]),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_body_names_every_bad_field(served: Served, case: str) -> None:
    """422 with the path of each field that does not meet the protocol."""
    body, paths = REFUSED[case]
    response = served.client.post("/predict/parcels", json=body)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (422, "request.invalid")
    assert [field["path"] for field in error["fields"]] == paths
    assert all(field["message"] for field in error["fields"])


def test_a_body_full_of_errors_gets_a_bounded_answer(served: Served) -> None:
    """Not every one of a hundred thousand bad fields is listed."""
    response = served.client.post("/predict/parcels", json={"instances": [{}] * 50_000})
    assert response.status_code == 422
    assert len(response.json()["error"]["fields"]) == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"weight":' * 50_000,
        b'{"weight": NaN}',
        b'{"weight": 1e400}',
        b"nul",
    ],
    ids=[
        "empty",
        "cut off",
        "no UTF-8",
        "deep lists",
        "deep objects",
        "NaN",
        "too large a number",
        "a cut word",
    ],
)
def test_what_is_no_json_is_refused(served: Served, body: bytes) -> None:
    """A 4xx with a sentence, whatever the bytes."""
    response = served.client.post("/predict/parcels", content=body)
    assert response.status_code in {400, 422}
    assert response.json()["error"]["message"]


def test_a_body_that_is_too_large_is_refused(served: Served) -> None:
    """413, whether its length was announced or not."""

    def parts() -> Any:
        for _ in range(11):
            yield b" " * 1_000_000

    for content in (b" " * 10_000_001, parts()):
        response = served.client.post("/predict/parcels", content=content)
        assert (response.status_code, response.json()["error"]["code"]) == (413, "request.too_large")


def test_an_unknown_model_gets_the_nearest_name(served: Served) -> None:
    """404 names a model that is served."""
    response = served.client.post("/predict/parcel", json=RECORD)
    assert response.status_code == 404
    assert "parcels" in response.json()["error"]["hint"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_predictions_are_posted(served: Served, method: str) -> None:
    """405 in the form of every error, with the method that is allowed."""
    response = served.client.request(method, "/predict/parcels")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert response.json()["error"]["code"] == "serving.method"


def test_a_page_that_is_not_there(served: Served) -> None:
    """404 in the form of every error."""
    response = served.client.get("/no/such/page")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "serving.no_such_page")


def test_health_and_readiness(served: Served) -> None:
    """Ready names the model that each name serves."""
    assert served.client.get("/healthz").status_code == 200
    ready = served.client.get("/readyz").json()
    assert ready["models"] == {name: model.id for name, model in served.models.items()}


def test_metrics_count_what_was_answered(served: Served) -> None:
    """Counters grow with every answer, and buckets add up to their count."""

    def samples() -> dict[str, float]:
        lines = served.client.get("/metrics").text.splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line[0] != "#"}

    before = samples()
    served.client.post("/predict/hours", json={"instances": [RECORD] * 3})
    served.client.post("/predict/hours", json={})
    after = samples()
    model = served.models["hours"].id
    for name, grown in {
        f'pulse_predictions_total{{model="{model}"}}': 3,
        'pulse_responses_total{model="hours",status="200"}': 1,
        'pulse_responses_total{model="hours",status="422"}': 1,
        "pulse_ledger_commits_total": 1,
        'pulse_response_seconds_bucket{le="+Inf"}': 2,
        "pulse_response_seconds_count": 2,
    }.items():
        assert after[name] - before.get(name, 0) == grown, name
    assert after['pulse_waiting_requests{model="hours"}'] == 0


def test_the_openapi_document_says_what_is_accepted(served: Served) -> None:
    """The record's schema carries names, ranges and categories of the protocol."""
    document = served.client.get("/openapi.json").json()
    body = document["paths"]["/predict/parcels"]["post"]["requestBody"]["content"]["application/json"]
    record = body["schema"]["oneOf"][0]
    assert list(record["properties"])[:5] == list(RECORD)
    assert record["properties"]["carrier"]["enum"] == ["bike", "train", "van"]
    assert record["required"] == ["weight", "carrier", "stops"]
    assert record["additionalProperties"] is False


def test_the_docs_load_nothing_from_elsewhere(served: Served) -> None:
    """One page that works without a network and names the fields."""
    page = served.client.get("/docs").text
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page
    assert "one of bike, train, van" in page


def test_a_refused_request_leaves_no_row(served: Served) -> None:
    """Only replies are facts."""
    models = [model.id for model in served.models.values()]
    before = served.ledger.inference_counts(models)
    served.client.post("/predict/parcels", json={"instances": [RECORD, {}]})
    assert served.ledger.inference_counts(models) == before
    with pytest.raises(PulseError):
        served.ledger.inference("inference_0000")
