"""``pulse lineage`` and ``pulse snapshot`` as users call them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pulse_blocks.lineage import trace
from pulse_blocks.lineage.text import render
from pulse_blocks.snapshots import layout
from tests.lineage_world import World
from tests.tiny_project import pulse


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A workspace with a model that has answered three requests."""
    made = World(tmp_path)
    snapshot = made.snapshot()
    trained = made.train(snapshot)
    made.keep(trained, snapshot)
    made.infer(trained.model, 3)
    return made


def test_the_tree_is_printed_for_every_kind_of_id(world: World, tmp_path: Path) -> None:
    """Exit code 0, the tree alone on standard output, nothing on standard error."""
    (snapshot,) = (key.split("/")[1] for key in world.store.keys("snapshots/"))
    node = trace(world.workspace, snapshot)
    run, model = node.children[0], node.children[0].children[0]
    for asked in (snapshot, run.id, model.id, world.infer(model.id)[0]):
        done = pulse(tmp_path, "lineage", asked)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == render(trace(world.workspace, asked)) + "\n"


def test_json_is_the_same_as_data(world: World, tmp_path: Path) -> None:
    """Kind, id, facts and children, with whole hashes."""
    (snapshot,) = (key.split("/")[1] for key in world.store.keys("snapshots/"))
    told = json.loads(pulse(tmp_path, "lineage", snapshot, "--json").stdout)
    assert set(told) == {"kind", "id", "facts", "children"}
    assert told["kind"] == "snapshot"
    assert len(told["facts"]["hash"]) == len("sha256:") + 64
    assert told["children"][0]["children"][0]["facts"]["inferences"] == 3


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("inference_zzzz", "lineage.unknown"),
        ("inference_", "lineage.ambiguous"),
        ("snap_000000000000", "lineage.unknown"),
        ("run_000000000000", "lineage.unknown"),
        ("tiny@2.0.0-0000000", "lineage.unknown"),
        ("nonsense", "lineage.no_id"),
    ],
)
def test_an_unknown_or_ambiguous_id_is_one_clear_line(
    world: World, tmp_path: Path, asked: str, code: str
) -> None:
    """Exit code 1, one line and its hint on standard error; as JSON on standard output where asked for."""
    assert world.store.uri
    done = pulse(tmp_path, "lineage", asked, "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] == code
    error, hint = done.stderr.splitlines()
    assert error.startswith("error: ")
    assert asked in error
    assert hint.startswith("hint: ")


def test_a_project_without_any_record_says_so(tmp_path: Path) -> None:
    """Before the first run: a refusal, and asking makes no ledger."""
    done = pulse(tmp_path, "lineage", "snap_000000000000")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert not (tmp_path / ".pulse").exists()


def test_ids_of_inferences_are_streamed(world: World, tmp_path: Path) -> None:
    """One id a line, or one JSON array, for whatever they stand on; none is no output and an empty array."""
    (snapshot,) = (key.split("/")[1] for key in world.store.keys("snapshots/"))
    text = pulse(tmp_path, "lineage", snapshot, "--inferences").stdout.splitlines()
    assert len(text) == 3
    assert all(one.startswith("inference_") for one in text)
    for asked in (snapshot, "parcels"):
        assert json.loads(pulse(tmp_path, "lineage", asked, "--inferences", "--json").stdout) == text
    other = world.snapshot("b")
    assert pulse(tmp_path, "lineage", other.id, "--inferences").stdout == ""
    assert json.loads(pulse(tmp_path, "lineage", other.id, "--inferences", "--json").stdout) == []


def test_other_questions_about_lineage(world: World, tmp_path: Path) -> None:
    """Who was champion, what differs, what stands on rows, and the tree as Markdown."""
    (snapshot,) = (key.split("/")[1] for key in world.store.keys("snapshots/"))
    model = trace(world.workspace, snapshot).children[0].children[0].id
    stored = world.keep(world.train(world.snapshot(), "z"), world.snapshot())
    world.promote(stored)
    live = json.loads(pulse(tmp_path, "lineage", "tiny", "--at", "2126-01-15", "--json").stdout)
    assert (live["kind"], live["children"][0]["id"]) == ("champion", stored.model)
    assert pulse(tmp_path, "lineage", "tiny", "--at", "2020-01-15T02:00:00Z").returncode == 1
    differs = json.loads(pulse(tmp_path, "lineage", "diff", model, stored.model, "--json").stdout)
    assert (differs["before"], differs["after"]) == (model, stored.model)
    rows = pulse(tmp_path, "lineage", "--rows", "parcel = 'p1'")
    assert (rows.returncode, rows.stdout) == (1, "")
    assert "no column parcel" in rows.stderr
    markdown = pulse(tmp_path, "lineage", model, "--markdown").stdout
    assert markdown.startswith(f"- **Model** `{model}`\n")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["diff", "tiny@1"],
        ["snap_1", "snap_2"],
        ["tiny", "--at", "yesterday"],
        ["tiny", "--at", "2026-01-15", "--inferences"],
        ["diff", "tiny@1", "tiny@2", "--inferences"],
        ["--at", "2026-01-15"],
    ],
)
def test_wrong_usage_of_lineage_is_exit_code_2(tmp_path: Path, arguments: list[str]) -> None:
    """Told before anything is opened."""
    done = pulse(tmp_path, "lineage", *arguments)
    assert done.returncode == 2
    assert "Error: " in done.stderr


def test_snapshots_are_listed_and_shown(world: World, tmp_path: Path) -> None:
    """Id, rows and hash, in text and as data."""
    (listed,) = json.loads(pulse(tmp_path, "snapshot", "list", "--json").stdout)
    assert listed["rows"] == 1_247_832
    text = pulse(tmp_path, "snapshot", "list").stdout.splitlines()
    assert text[0].split() == ["SNAPSHOT", "PROTOCOL", "DATASOURCE", "CREATED", "ROWS", "SIZE"]
    assert text[1].startswith(listed["snapshot"])
    assert "1,247,832" in text[1]
    shown = json.loads(pulse(tmp_path, "snapshot", "show", listed["snapshot"], "--json").stdout)
    assert shown["snapshot"] == listed["snapshot"]
    assert shown["hash"] == listed["hash"]
    assert listed["hash"] in pulse(tmp_path, "snapshot", "show", listed["snapshot"][:8]).stdout


def test_a_snapshot_that_does_not_hold_is_exit_code_1(world: World, tmp_path: Path) -> None:
    """This one's chunk is not there: it is named, in text and as data."""
    (listed,) = json.loads(pulse(tmp_path, "snapshot", "list", "--json").stdout)
    for ids in ([], [listed["snapshot"]]):
        done = pulse(tmp_path, "snapshot", "verify", *ids, "--json")
        assert done.returncode == 1
        (report,) = json.loads(done.stdout)
        assert report["ok"] is False
        assert any("missing" in problem for problem in report["problems"])
        assert listed["snapshot"] in done.stderr


@pytest.mark.parametrize("arguments", [["show", "snap_000000000000"], ["verify", "snap_0000"]])
def test_an_unknown_snapshot_is_refused(world: World, tmp_path: Path, arguments: list[str]) -> None:
    """Exit code 1 and the id that was asked for."""
    assert world.store.uri
    done = pulse(tmp_path, "snapshot", *arguments)
    assert done.returncode == 1
    assert arguments[1] in done.stderr


def test_a_damaged_manifest_is_named(world: World, tmp_path: Path) -> None:
    """Neither list nor verify passes over it."""
    (snapshot,) = (key.split("/")[1] for key in world.store.keys("snapshots/"))
    key = layout.manifest_key(snapshot)
    world.store.delete(key)
    world.store.create(key, b"{}")
    for command in ("list", "verify"):
        done = pulse(tmp_path, "snapshot", command)
        assert done.returncode == 1
        assert snapshot in done.stderr
