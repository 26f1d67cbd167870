"""A run told as OpenLineage events: by the client's own file transport, held against the standard's own classes."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import attr
import jsonschema
import pytest
from openlineage.client import facet_v2
from openlineage.client.generated import base

from pulse_blocks import settings
from pulse_blocks.openlineage.configured import configured
from pulse_blocks.openlineage.telling import Telling
from pulse_blocks.protocol import loading
from pulse_blocks.settings import Workspace
from tests import six_stages, tiny_project
from tests.six_stages import Outcome

STAGES = ["ingest", "snapshot", "validate", "train", "store", "deploy"]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Outcome]:
    """A run of all six stages; its datasource's address has a password in it."""
    workspace = settings.load(tiny_project.make_project(tmp_path_factory.mktemp("told")), environ={})
    return workspace, six_stages.run(workspace)


@pytest.fixture
def events(
    ran: tuple[Workspace, Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[dict[str, Any]]:
    """What the file transport wrote of that run, in order."""
    path = tmp_path / "events.jsonl"
    told = {"transport": {"type": "file", "log_file_path": str(path), "append": True}}
    (tmp_path / "openlineage.yml").write_text(json.dumps(told))
    monkeypatch.setenv("OPENLINEAGE_CONFIG", str(tmp_path / "openlineage.yml"))
    tell(*ran)
    return [json.loads(line) for line in path.read_text().splitlines()]


def tell(workspace: Workspace, outcome: Outcome, seconds: float = 20.0) -> None:
    """Every stage of a run, as the pipeline tells it."""
    telling = Telling(workspace, loading.load(loading.find(workspace, "tiny")), "attempt_1")
    records = {
        "ingest": (outcome.raw,),
        "snapshot": (outcome.raw, outcome.taken),
        "validate": (outcome.taken, outcome.data),
        "train": (outcome.data, outcome.model),
        "store": (outcome.model, outcome.stored),
        "deploy": (outcome.stored, outcome.deployed),
    }
    telling.started()
    for stage, these in records.items():
        telling.started(stage)
        telling.completed(stage, *these)
    telling.completed("")
    telling.close(seconds)


def test_every_stage_is_a_run_below_the_pipeline(events: list[dict[str, Any]]) -> None:
    """Each stage starts and completes once, names the pipeline as its parent, and says where its code is."""
    by_stage = {event["job"]["name"]: event for event in events if event["eventType"] == "COMPLETE"}
    assert list(by_stage) == [*(f"tiny.{stage}" for stage in STAGES), "tiny"]
    whole = by_stage.pop("tiny")["run"]["runId"]
    for event in by_stage.values():
        assert event["run"]["facets"]["parent"]["run"]["runId"] == whole
        assert event["job"]["facets"]["sourceCodeLocation"]["url"]


def test_the_snapshot_is_a_dataset_of_its_own(
    events: list[dict[str, Any]], ran: tuple[Workspace, Outcome]
) -> None:
    """Its id is in the dataset's name; schema, source, version and statistics are there; training reads it."""
    ended = {event["job"]["name"]: event for event in events if event["eventType"] == "COMPLETE"}
    (made,) = ended["tiny.snapshot"]["outputs"]
    assert made["name"] == f"tiny/{ran[1].taken.id}"
    assert {"schema", "dataSource", "version"} <= set(made["facets"])
    assert made["outputFacets"]["outputStatistics"]["rowCount"] == ran[1].taken.rows
    assert [one["name"] for one in ended["tiny.train"]["inputs"]] == [made["name"]]
    (checked,) = ended["tiny.validate"]["inputs"]
    assert checked["inputFacets"]["dataQualityAssertions"]["assertions"]
    (source,) = ended["tiny.ingest"]["inputs"]
    assert source["facets"]["dataSource"]["name"] == "parcels"


def test_every_event_holds_to_the_standard(events: list[dict[str, Any]]) -> None:
    """Each event and facet has the fields that the standard's own generated classes have, those it needs, and no more.

    Facets of our own hold to their published JSON Schemas.
    """
    for event in events:
        conforms(event, base.RunEvent)
        for facet in facets(event):
            name = facet["_schemaURL"].rsplit("/", 1)[-1].rsplit(":", 1)[-1]
            if facet["_schemaURL"].startswith("urn:pulse-blocks:"):
                jsonschema.validate({"pulse_model": facet}, published(name))
            else:
                conforms(facet, standard(name))


def facets(event: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All facets of an event."""
    holders = [event["run"], event["job"], *event["inputs"], *event["outputs"]]
    for holder in holders:
        for kind in ("facets", "inputFacets", "outputFacets"):
            yield from holder.get(kind, {}).values()


def standard(name: str) -> type:
    """The class that OpenLineage generates from its schema of a facet."""
    for module in vars(facet_v2).values():
        if hasattr(module, name):
            return getattr(module, name)  # type: ignore[no-any-return]
    raise AssertionError(f"{name} is no facet of the standard")


def conforms(told: dict[str, Any], kind: type) -> None:
    """``told`` has the fields of an attrs class: the required ones, and none that it does not know."""
    fields = {field.name: field for field in attr.fields(kind)}
    assert set(told) <= set(fields), (kind, set(told) - set(fields))
    needed = {name for name, field in fields.items() if field.default is attr.NOTHING}
    assert needed <= set(told), (kind, needed - set(told))


def published(name: str) -> dict[str, Any]:
    """A JSON Schema of ours, as the package ships it."""
    path = resources.files("pulse_blocks") / "openlineage" / "schemas" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def test_it_is_off_unless_configured(tmp_path: Path) -> None:
    """Without a configuration nothing is sent; with one, in any of the client's own ways, something is."""
    nobody = {"HOME": str(tmp_path)}
    assert not configured(nobody, tmp_path)
    assert configured({**nobody, "OPENLINEAGE_URL": "http://127.0.0.1:5000"}, tmp_path)
    assert not configured({"OPENLINEAGE_URL": "http://x", "OPENLINEAGE_DISABLED": "true"}, tmp_path)
    (tmp_path / "openlineage.yml").write_text("{}")
    assert configured(nobody, tmp_path)


def test_a_catalogue_that_hangs_holds_nothing_up(
    ran: tuple[Workspace, Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Telling returns at once although nobody answers, and the end waits a few seconds at most."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("OPENLINEAGE_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        started = time.monotonic()
        tell(*ran, seconds=0.5)
        assert time.monotonic() - started < 5


def test_a_catalogue_that_is_not_there_fails_nothing(
    ran: tuple[Workspace, Outcome], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A refused connection is a line in the log, without the address and its key."""
    monkeypatch.setenv("OPENLINEAGE_URL", "http://127.0.0.1:1/?key=SECRET")
    telling = Telling(ran[0], loading.load(loading.find(ran[0], "tiny")), "attempt_1")
    telling.started()
    telling.close(20.0)
    assert "could not be sent" in caplog.text
    assert "SECRET" not in caplog.text
