"""``pulse doctor``: every kind of trouble is told with its fix."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pulse_blocks import settings
from pulse_blocks.cli import doctor
from pulse_blocks.cli.checkup import CHECKS, Diagnosis, checkup, machine, operations, places
from pulse_blocks.cli.overview import recent_failures
from pulse_blocks.settings import Datasource, Workspace
from tests.lineage_world import World
from tests.tiny_project import PROTOCOL, make_project, pulse


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A project in which everything is in order, without Prefect or MLflow configured."""
    for name in ("PREFECT_API_URL", "PREFECT_PROFILE", "PREFECT_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = make_project(tmp_path / "project")
    (folder / "prefect.yaml").write_text("name: tiny\n")
    return settings.load(folder, environ={})


def found(workspace: Workspace, name: str) -> list[Diagnosis]:
    """What the check of that name says."""
    return [one for one in checkup(workspace) if one.name == name]


def test_nothing_is_wrong_with_a_sound_project(workspace: Workspace) -> None:
    """Every check is made, and nothing is broken."""
    told = checkup(workspace)
    assert [one for one in told if one.level == "broken"] == []
    assert {one.name for one in told} >= set(CHECKS) - {"Signatures"}  # there is no champion yet


Change = Callable[[Workspace], Workspace]


def _with(**facts: Any) -> Change:
    return lambda workspace: msgspec.structs.replace(workspace, **facts)


def _file(name: str, text: str | None) -> Change:
    def change(workspace: Workspace) -> Workspace:
        path = Path(workspace.root) / name
        path.unlink() if text is None else path.write_text(text)
        return workspace

    return change


TROUBLE: dict[str, tuple[Change, str, str, str]] = {
    "an environment variable that is not set": (
        _with(datasources={"db": Datasource("postgresql://me:${PULSE_TEST_UNSET}@host/db")}),
        "Datasources",
        "broken",
        "Set PULSE_TEST_UNSET",
    ),
    "a file that is gone": (_file(".pulse/parcels.db", None), "Datasources", "broken", "datasource remove parcels"),
    "a CSV file that is gone": (
        _with(datasources={"parcels": Datasource("/nowhere/parcels.csv")}),
        "Datasources",
        "broken",
        "datasource remove parcels",
    ),
    "a protocol that is not sound": (
        _file("protocols/tiny.yaml", PROTOCOL.replace("rounds", "round")),
        "Protocols",
        "broken",
        "pulse check protocols/tiny.yaml",
    ),
    "a datasource that nobody entered": (
        _with(datasources={}),
        "Protocols",
        "warning",
        "pulse datasource add parcels",
    ),
    "no project": (_file("prefect.yaml", None), "Project", "warning", "pulse init"),
    "an MLflow server out of reach": (_with(tracking="http://127.0.0.1:9"), "MLflow", "broken", "Start MLflow"),
    "a store in a file": (_with(store="/dev/null/store"), "Store", "broken", "permissions"),
    "a ledger that is none": (_file(".pulse/ledger.db", "not a database" * 100), "Ledger", "broken", "Check"),
}  # fmt: skip


@pytest.mark.parametrize("case", TROUBLE)
def test_trouble_is_told_with_its_fix(workspace: Workspace, case: str) -> None:
    """The level, and what helps."""
    change, name, level, fix = TROUBLE[case]
    told = [one for one in found(change(workspace), name) if one.level != "ok"]
    assert [one.level for one in told] == [level]
    assert fix in str(told[0].fix)


def test_no_secret_is_shown(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of an address nor of a datasource."""
    monkeypatch.setenv("PREFECT_API_URL", "http://me:hunter2@127.0.0.1:9/api")
    monkeypatch.setenv("DB_PASSWORD", "hunter2")
    changed = _with(datasources={"db": Datasource("postgresql://me:${DB_PASSWORD}@host/db")})(workspace)
    told = doctor.render(checkup(changed), width=200, colour=False)
    assert "127.0.0.1:9" in told
    assert "hunter2" not in told


class _Late(BaseHTTPRequestHandler):
    """A server whose clock is an hour ahead."""

    def do_GET(self) -> None:
        self.send_response_only(200)
        self.send_header("Date", self.date_time_string(time.time() + 3600))
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def late_server() -> Iterator[str]:
    """The address of a server whose clock is wrong."""
    with HTTPServer(("127.0.0.1", 0), _Late) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_clocks_that_are_apart_are_told(workspace: Workspace, late_server: str) -> None:
    """A server's date says so."""
    (told,) = found(_with(tracking=late_server)(workspace), "MLflow")
    assert told.level == "warning"
    assert re.search(r"clock and this one are (3600|35\d\d) seconds apart", told.said)


def test_a_ledger_of_the_future_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that went back gives ids in the wrong order."""
    world = World(tmp_path)
    world.ledger.begin("tiny", "key")
    assert [one.level for one in machine.clock(world.workspace)] == ["ok"]
    monkeypatch.setattr("time.time", lambda: 1_700_000_000.0)
    assert [one.level for one in machine.clock(world.workspace)] == ["broken"]


def test_a_package_that_does_not_fit_is_told(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its version and the one that is needed; a missing one too."""
    real = metadata.version
    versions = {"polars": "0.1.0"}

    def version(package: str) -> str:
        if package == "lightgbm":
            raise metadata.PackageNotFoundError(package)
        return versions.get(package) or real(package)

    monkeypatch.setattr(metadata, "version", version)
    told = next(machine.packages(workspace))
    assert told.level == "broken"
    assert "lightgbm is missing" in told.said
    assert "polars 0.1.0 does not meet" in told.said


def test_a_port_that_another_program_has_is_told(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listener that does not answer as ours would."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(machine, "PORTS", ((port, "MLflow", "/health"),))
        monkeypatch.setattr("pulse_blocks.cli.services._ANSWER_SECONDS", 0.2)
        (told,) = machine.ports(workspace)
    assert told.level == "warning"
    assert f"{port} (MLflow)" in told.said


def test_a_full_disk_is_told(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the ledger stops."""
    import shutil

    real = shutil.disk_usage(workspace.root)
    for free, level in ((10**7, "broken"), (10**9, "warning"), (10**11, "ok")):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: real._replace(free=free))
        assert [one.level for one in machine.disk(workspace)] == [level]


def test_failed_automations_are_told(tmp_path: Path) -> None:
    """With how often, when, why, and what helps; what failed long ago is not told any more."""
    world = World(tmp_path)
    assert [one.level for one in operations.automations(world.workspace)] == ["ok"]
    for event in ("e1", "e2"):
        world.ledger.note_automation_failure(event, "Pulse: drift", "run-deployment", "No such deployment.")
    (told,) = operations.automations(world.workspace)
    assert told.level == "warning"
    assert told.said.startswith("Pulse: drift: failed 2 times in a week")
    assert "No such deployment." in told.said
    assert "pulse deploy" in str(told.fix)
    week = 7 * 86_400
    assert recent_failures(world.ledger, time.time() + week + 60) == []


def test_a_key_that_does_not_vouch_for_the_champion_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A runtime would serve nothing: no key, and another one."""
    world = World(tmp_path)
    snapshot = world.snapshot()
    world.promote(world.keep(world.train(snapshot), snapshot), key=b"k" * 64)
    told = {}
    for key in ("k" * 64, "x" * 64, ""):
        monkeypatch.setenv("PULSE_SIGNING_KEY", key)
        (told[key[:1]],) = found(world.workspace, "Signatures")
    assert [one.level for one in told.values()] == ["ok", "broken", "broken"]
    assert "promote it again" in str(told["x"].fix)
    assert "PULSE_SIGNING_KEY" in str(told[""].fix)


def test_forty_columns_are_enough() -> None:
    """Below sixty what was found stands below its name; no line is longer than the terminal."""
    told = (Diagnosis(name="Ledger", level="broken", said="a word " * 20, fix="do this " * 10),)
    lines = doctor.render(told, width=40, colour=False).splitlines()
    assert lines[0] == "broken Ledger"
    assert max(map(len, lines)) <= 40


def test_text_is_wrapped_and_coloured_only_where_asked() -> None:
    """Narrow terminals and pipes: no line is longer than the terminal, nothing but text in a pipe."""
    told = (Diagnosis(name="Ledger", level="broken", said="a word " * 20, fix="do this " * 10),)
    plain = doctor.render(told, width=60, colour=False)
    assert max(map(len, plain.splitlines())) <= 60
    assert "\x1b" not in plain
    assert plain.splitlines()[-1] == "1 broken"
    assert "\x1b[1;31mbroken" in doctor.render(told, width=60, colour=True)


def test_the_exit_code_says_whether_something_is_broken(tmp_path: Path) -> None:
    """0 with warnings alone, 1 where something is broken; JSON is the same as data."""
    folder = make_project(tmp_path / "project")
    done = pulse(folder, "doctor", "--json", HOME=str(tmp_path))
    told = json.loads(done.stdout)
    assert done.returncode == 0
    assert told["ok"] is True
    assert {"name", "level", "said", "fix"} == set(told["checks"][0])
    (folder / ".pulse" / "parcels.db").unlink()
    done = pulse(folder, "doctor", HOME=str(tmp_path))
    assert done.returncode == 1
    assert "broken   Datasources" in done.stdout


def test_an_answer_that_asks_for_credentials_is_an_answer(workspace: Workspace) -> None:
    """The server is there; whether the credentials are right is another question."""

    class Closed(_Late):
        def do_GET(self) -> None:
            self.send_response(401)
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Closed) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        changed = _with(tracking=f"http://127.0.0.1:{server.server_port}")(workspace)
        (told,) = places.mlflow(changed)
        server.shutdown()
    assert told.level == "ok"
    assert "credentials" in told.said
