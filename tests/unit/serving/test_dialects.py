"""Every dialect gives the same predictions as /predict, refuses by name, and leaves the same rows."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest

from tests.served_models import RECORD, records

from .conftest import Served, expected

ROWS = records(5, seed=31)
NAMES = list(RECORD)
DATA = [[row[name] for name in NAMES] for row in ROWS]
COLUMNS = {name: [row[name] for row in ROWS] for name in NAMES}


FORMS: dict[str, Any] = {
    "dataframe_split": {"dataframe_split": {"columns": NAMES, "index": [0, 1, 2, 3, 4], "data": DATA}},
    "dataframe_records": {"dataframe_records": ROWS},
    "instances of records": {"instances": ROWS},
    "instances of lists": {"instances": DATA},
    "inputs of columns": {"inputs": COLUMNS},
    "inputs of columns, [n, 1]": {"inputs": {name: [[v] for v in values] for name, values in COLUMNS.items()}},
    "inputs of records": {"inputs": ROWS},
    "with params": {"dataframe_records": ROWS, "params": {}},
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_the_json_forms_of_mlflow(alone: httpx.Client, form: str) -> None:
    """Each of them is one prediction a record, in order, in MLflow's own form of reply."""
    reply = alone.post("/invocations", json=FORMS[form])
    assert reply.status_code == 200, reply.text
    assert [prediction["probability"] for prediction in reply.json()["predictions"]] == expected(alone, ROWS)


def test_csv(alone: httpx.Client) -> None:
    """A header and a line a record; an empty value is null."""
    lines = [",".join(NAMES), *(",".join("" if v is None else str(v) for v in row) for row in DATA)]
    for kind in ("text/csv", "text/csv; charset=utf-8"):
        reply = alone.post("/invocations", content="\n".join(lines), headers={"content-type": kind})
        assert [prediction["probability"] for prediction in reply.json()["predictions"]] == expected(
            alone, ROWS
        )


REFUSED: dict[str, tuple[Any, list[str]]] = {
    "no form": ({"rows": ROWS}, ["rows"]),
    "no object": ([1], [""]),
    "two forms": ({"instances": ROWS, "inputs": ROWS}, [""]),
    "params": ({"instances": ROWS, "params": {"a": 1}}, ["params"]),
    "a bad value": ({"dataframe_records": [RECORD, {**RECORD, "stops": 99}]}, ["dataframe_records[1].stops"]),
    "a bad row": ({"dataframe_split": {"columns": NAMES, "data": [DATA[0], [1]]}}, ["dataframe_split.data[1]"]),
    "a column twice": (
        {"dataframe_split": {"columns": [*NAMES, "weight"], "data": [[*DATA[0], 1]]}}, ["dataframe_split.columns"],
    ),
    "a bad column": ({"inputs": {**COLUMNS, "weight": [1, 2, 3, 4, -1]}}, ["inputs.weight[4]"]),
    "a bad list": ({"instances": [[1, 2, "train", 3, True], [1, 2, "ship", 3, True]]}, ["instances[1].carrier"]),
    "no rows": ({"dataframe_records": []}, ["dataframe_records"]),
    "no data": ({"dataframe_split": {"columns": NAMES}}, ["dataframe_split"]),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_invocations_refuse(alone: httpx.Client, case: str) -> None:
    """422 with each bad field, named as it stands in the body."""
    body, paths = REFUSED[case]
    reply = alone.post("/invocations", json=body)
    assert reply.status_code == 422, reply.text
    assert [field["path"] for field in reply.json()["error"]["fields"]] == paths


@pytest.mark.parametrize(
    ("body", "status", "path"),
    [
        (b"weight,weight\n1,2", 422, ""),
        (b"weight,stops\n1", 422, "rows[0]"),
        (",".join(NAMES).encode() + b"\nheavy,1,train,2,true", 422, "rows[0].weight"),
        (b"a\n\xff", 400, None),
        (b'weight\n"1', 400, None),
        (b"", 422, "rows"),
        (b"weight\n" + b"9" * 200_000, 400, None),
    ],
)
def test_csv_that_is_not_sound(alone: httpx.Client, body: bytes, status: int, path: str | None) -> None:
    """400 for what is no CSV, 422 for values, with the row's number."""
    reply = alone.post("/invocations", content=body, headers={"content-type": "text/csv"})
    assert reply.status_code == status, reply.text
    if path is not None:
        assert reply.json()["error"]["fields"][0]["path"] == path


def test_several_models_and_one_invocation(served: Served) -> None:
    """SageMaker's header names the model where there are several."""
    unnamed = served.client.post("/invocations", json={"instances": ROWS})
    assert (unnamed.status_code, unnamed.json()["error"]["code"]) == (400, "serving.which_model")
    named = served.client.post(
        "/invocations", json={"instances": ROWS}, headers={"X-Amzn-SageMaker-Target-Model": "hours"}
    )
    assert named.headers["pulse-model"] == served.models["hours"].id
    unknown = served.client.post("/invocations", headers={"X-Amzn-SageMaker-Target-Model": "hour"})
    assert (unknown.status_code, "hours" in unknown.json()["error"]["hint"]) == (404, True)


@pytest.mark.parametrize(
    "page", ["/ping", "/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/parcels/ready"]
)
def test_health_in_every_dialect(alone: httpx.Client, page: str) -> None:
    """200 where a model is loaded."""
    assert alone.get(page).status_code == 200


def tensors(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Inputs of the Open Inference Protocol, as JSON."""
    kinds = {"weight": "FP64", "distance": "FP32", "carrier": "BYTES", "stops": "INT64", "express": "BOOL"}
    return [
        {"name": name, "datatype": kind, "shape": [len(rows)], "data": [row[name] for row in rows]}
        for name, kind in kinds.items()
    ]


def test_open_inference(alone: httpx.Client) -> None:
    """Metadata that says what infer takes, and answers as tensors in the order of the records."""
    metadata = alone.get("/v2/models/parcels").json()
    assert [tensor["name"] for tensor in metadata["inputs"]][:5] == NAMES
    reply = alone.post("/v2/models/parcels/infer", json={"id": "42", "inputs": tensors(ROWS)}).json()
    outputs = {tensor["name"]: tensor for tensor in reply["outputs"]}
    assert reply["id"] == "42"
    assert outputs["probability"]["data"] == expected(alone, ROWS)
    assert outputs["probability"]["datatype"] == "FP64"
    assert set(outputs) == {tensor["name"] for tensor in metadata["outputs"]}
    assert len(set(outputs["inference_id"]["data"])) == 5


def test_open_inference_of_other_tasks(served: Served) -> None:
    """Probabilities by class are one tensor of shape [n, classes]; a value is FP64."""
    days, hours = (
        served.client.post(f"/v2/models/{name}/infer", json={"inputs": tensors(ROWS)}).json()
        for name in ("days", "hours")
    )
    probabilities = next(tensor for tensor in days["outputs"] if tensor["name"] == "probabilities")
    assert (probabilities["shape"], len(probabilities["data"])) == ([5, 3], 15)
    assert "value" in {tensor["name"] for tensor in hours["outputs"]}
    assert served.client.get("/v2/models/days").json()["outputs"][1]["shape"] == [-1, 3]


def test_open_inference_refuses_in_its_own_words(alone: httpx.Client) -> None:
    """Its errors are one text, with the fields in it."""
    bad = tensors([{**RECORD, "stops": 99}])
    cases: list[tuple[Any, str]] = [
        ({"inputs": bad}, "inputs.stops[0]"),
        ({}, "inputs"),
        ({"inputs": [{**bad[0], "shape": [2]}]}, "shape"),
        ({"inputs": [{**bad[0], "datatype": "FP65"}]}, "FP65"),
        ({"inputs": [bad[0], bad[0]]}, "twice"),
        ({"inputs": [{"name": "weight", "datatype": "FP64", "shape": [1]}]}, "binary_data_size"),
    ]
    for body, word in cases:
        reply = alone.post("/v2/models/parcels/infer", json=body)
        assert reply.status_code == 422, reply.text
        assert word in reply.json()["error"]
    assert isinstance(alone.post("/v2/models/nobody/infer", json={}).json()["error"], str)
    assert alone.get("/v2/models/nobody").status_code == 404


def test_the_public_client_of_open_inference(alone: httpx.Client) -> None:
    """Tritonclient sees a live, ready server and gets the same numbers, by binary tensors and by JSON."""
    import tritonclient.http as triton

    rows = [{**row, "express": bool(row["express"]), "distance": row["distance"] or 1.0} for row in ROWS]
    kinds: dict[str, tuple[str, Any]] = {
        "weight": ("FP64", np.float64), "distance": ("FP64", np.float64), "carrier": ("BYTES", np.object_),
        "stops": ("INT64", np.int64), "express": ("BOOL", np.bool_),
    }  # fmt: skip
    with triton.InferenceServerClient(urlsplit(str(alone.base_url)).netloc) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("parcels")
        assert client.get_model_metadata("parcels")["platform"] == "pulse_lightgbm"
        for binary in (True, False):
            inputs = []
            for name, (kind, dtype) in kinds.items():
                tensor = triton.InferInput(name, [5], kind)
                values = np.array([row[name] for row in rows], dtype=dtype)
                tensor.set_data_from_numpy(values, binary_data=binary)
                inputs.append(tensor)
            reply = client.infer("parcels", inputs)
            assert reply.as_numpy("probability").tolist() == expected(alone, rows)


def test_lineage_over_http(served: Served) -> None:
    """An id is traced as on the command line: as data, or as the tree in text. Unknown ids are 404."""
    reply = served.client.post("/predict/parcels", json=RECORD).json()
    traced = served.client.get(f"/lineage/{reply['inference_id']}").json()
    assert (traced["kind"], traced["id"]) == ("inference", reply["inference_id"])
    assert traced["children"][0]["id"] == reply["model"]
    text = served.client.get(f"/lineage/{reply['inference_id']}", headers={"accept": "text/plain"}).text
    assert text.startswith(f"Inference: {reply['inference_id']}\n├── Model: {reply['model']}")
    unknown = served.client.get("/lineage/inference_0000")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "lineage.unknown")
    assert served.client.get("/lineage/%00%2e%2e").status_code in {400, 404}
