"""``/openapi.json`` and the runtime agree, in both directions."""

from __future__ import annotations

import re
from typing import Any

import jsonschema
import pytest
from starlette.routing import Route

from pulse_blocks.serving.pages import build
from pulse_blocks.serving.peer_pages import only_post
from tests.served_models import RECORD
from tests.unit.serving.conftest import NAMES, Served

GIVEN = {"name": "parcels", "id": "inference_0000"}
METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(scope="module")
def paths(served: Served) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = served.client.get("/openapi.json").raise_for_status().json()["paths"]
    return found


def test_whatever_is_routed_is_named(paths: dict[str, Any]) -> None:
    """Every route of the application, and for those that refuse all but POST the predictions behind them."""
    for route in build({}, None, None, None, None).routes:  # type: ignore[arg-type]
        assert isinstance(route, Route)
        if route.endpoint is only_post:
            for name in NAMES:
                assert "post" in paths[re.sub(r"\{.*?\}", name, route.path)]
        else:
            assert set(paths[route.path_format]) == {m.lower() for m in route.methods or ()} - {"head"}


def test_whatever_is_named_is_answered(served: Served, paths: dict[str, Any]) -> None:
    """With a status and a content type that are named; by any method that is not, with 405."""
    for path, operations in paths.items():
        for method in METHODS:
            told = served.client.request(method, path.format(**GIVEN), json={} if method == "post" else None)
            if method in operations:
                responses = operations[method]["responses"]
                assert str(told.status_code) in responses, (method, path)
                content = responses[str(told.status_code)].get("content")
                assert content is None or told.headers["content-type"].partition(";")[0] in content
                assert "serving.no_such_page" not in told.text
            else:
                assert told.status_code == 405, (method, path)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/predict/parcels", RECORD),
        ("/predict/parcels", {"columns": {name: [value] for name, value in RECORD.items()}}),
        ("/invocations", {"dataframe_split": {"columns": [*RECORD], "data": [[*RECORD.values()]]}}),
        ("/invocations", {"instances": [RECORD]}),
        ("/invocations", {"inputs": {name: [value] for name, value in RECORD.items()}}),
        (
            "/v2/models/parcels/infer",
            {
                "inputs": [
                    {"name": name, "shape": [1], "datatype": kind, "data": [value]}
                    for (name, value), kind in zip(
                        RECORD.items(), ["FP64", "FP64", "BYTES", "INT64", "BOOL"], strict=True
                    )
                ]
            },
        ),
    ],
)
def test_what_is_sent_and_answered_is_as_it_says(
    served: Served, paths: dict[str, Any], path: str, body: dict[str, Any]
) -> None:
    """A body that is taken meets the schema of bodies, and its reply that of replies."""
    operation = paths[path]["post"]
    headers = {"X-Amzn-SageMaker-Target-Model": "parcels"}
    told = served.client.post(path, json=body, headers=headers)
    assert told.status_code == 200, told.text
    sent = operation["requestBody"]["content"]["application/json"]["schema"]
    answered = operation["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.validate(body, sent)
    jsonschema.validate(told.json(), answered)
