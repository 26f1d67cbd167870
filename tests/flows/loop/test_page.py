"""docs/retraining-loop.md: every command in it is executed, in its order, on a real Prefect server."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pulse_blocks.ledger import open_ledger
from tests import loop_project, six_stages
from tests.drifting_models import AFTER, MONITORING, ask, rows
from tests.prefect_server import Server
from tests.running_loop import Loop, drifted, running_loop
from tests.tiny_project import ROOT, environment, pulse, write_parcels

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

NAME = "ferry"
_PAGE = (ROOT / "docs" / "retraining-loop.md").read_text(encoding="utf-8")
_BLOCKS = re.findall(r"^```(\w*)[^\n]*\n(.*?)^```$", _PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def loop(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    """A project whose model was trained twice, on two snapshots, and has answered."""
    folder = loop_project.make(tmp_path_factory.mktemp("page") / "project")
    section = MONITORING.replace("METHOD", "wasserstein")
    loop_project.add(folder, NAME, section, datasource="ferries")
    with running_loop(server, folder) as found:
        for seed in (1, 2):
            write_parcels(folder / ".pulse" / "ferries.db", seed=seed)
            done = six_stages.run(found.workspace, NAME)
        assert done.deployed.promoted
        ask(found.workspace, rows(200), AFTER, name=NAME)
        yield found


def commands() -> list[str]:
    """The commands of all blocks, without what is said about them."""
    return [
        line
        for language, block in _BLOCKS
        if language != "yaml"
        for line in re.findall(r"^((?:pulse|prefect|sed) .+?)(?: +#.*)?$", block, re.MULTILINE)
    ]


def test_every_command_of_the_page_works(loop: Loop) -> None:
    """One after the other; the automation that the page switches off in its file is paused afterwards."""
    folder = Path(loop.workspace.root)
    with open_ledger(loop.workspace.ledger) as ledger:
        snapshot = ledger.stage_rows("", "snapshot")[0].record_id
    lines = commands()
    assert len(lines) >= 9
    assert len(lines) == len(re.findall(r"^(?:pulse|prefect|sed) ", _PAGE, re.MULTILINE))
    for line in lines:
        words = shlex.split(line.replace("flight-delay", NAME).replace("snap_9f2c41ab77e0", snapshot))
        if words[0] == "prefect":
            _starts(folder, words)
            continue
        if words[0] == "sed":
            subprocess.run(words, cwd=folder, check=True)
            continue
        done = pulse(folder, *words[1:])
        assert done.returncode == 0, (line, done.stdout, done.stderr)
    said = json.loads(pulse(folder, "automations", "list", "--json").stdout)["automations"]
    paused = [one["name"] for one in said if one["state"] == "paused"]
    assert paused == ["Pulse: drift detected, train the model again"]
    with open_ledger(loop.workspace.ledger) as ledger:
        assert ledger.restored(NAME) is None
        newest = ledger.champion(NAME)
        assert newest is not None
        assert (newest.action, newest.reason) == ("rollback", "complaints from the field")


def test_deploying_again_resets_no_cooldown(loop: Loop) -> None:
    """Causes are in the ledger: after another `pulse deploy` the next alarm still comes too soon."""
    from flows.train import train

    with open_ledger(loop.workspace.ledger) as ledger:
        first = train(NAME, cause=drifted(ledger, NAME).id, return_state=True)
        assert first.is_completed()
        assert first.name != "Skipped"
        assert pulse(Path(loop.workspace.root), "deploy").returncode == 0
        state = train(NAME, cause=drifted(ledger, NAME).id, return_state=True)
    assert state.name == "Skipped"
    assert "within the cooldown" in state.message


def _starts(folder: Path, words: list[str]) -> None:
    """A command that runs until it is stopped: it says that it has started."""
    process = subprocess.Popen(
        [sys.executable, "-m", *words],
        cwd=folder,
        env=environment(folder, PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    try:
        assert any("started" in line for line in process.stdout)
    finally:
        process.terminate()
        process.communicate()
