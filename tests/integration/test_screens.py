"""The screens that people look at most, as a narrow terminal, a pipe and a program see them."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest
import typer

from pulse_blocks.cli.main import app, run
from pulse_blocks.ledger import open_ledger
from pulse_blocks.settings import Workspace
from tests import drifting_models
from tests.tiny_project import environment, pulse

SCREENS = ("status", "doctor", "lineage INFERENCE", "lineage MODEL", "plan tiny", "snapshot list")
# Its check takes seconds, so it is looked at once.
DRIFT = pytest.param("drift tiny", marks=pytest.mark.long)
CONTROL = re.compile(r"[^\n\x20-\x7e\xa0-\uffff]")


class Lived(NamedTuple):
    """A project with a champion, a week of requests, and ids to ask for."""

    folder: Path
    ids: dict[str, str]

    def words(self, line: str) -> list[str]:
        """A command with real ids."""
        return [self.ids.get(word, word) for word in line.split()]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """The drifting model's project; its snapshot, model and newest inference by name."""
    workspace: Workspace = drifting_models.project(tmp_path_factory.mktemp("screens") / "project")
    asked = drifting_models.ask(workspace, drifting_models.rows(200), drifting_models.AFTER)
    with open_ledger(workspace.ledger) as ledger:
        champion = ledger.champion("tiny")
    assert champion is not None
    (snapshot,) = (Path(workspace.store) / "snapshots").iterdir()
    ids = {"INFERENCE": asked[-1], "MODEL": champion.model, "SNAPSHOT": snapshot.name}
    return Lived(Path(workspace.root), ids)


@pytest.mark.parametrize("line", SCREENS)
def test_a_pipe_gets_plain_lines_and_whole_ids(lived: Lived, line: str) -> None:
    """No control characters, and an id that is shown can be copied."""
    check_plain(lived, line, pulse(lived.folder, *lived.words(line)).stdout)


@pytest.mark.parametrize("line", [*SCREENS, DRIFT])
def test_forty_columns_without_colour(lived: Lived, line: str) -> None:
    """On a terminal of 40 columns, with NO_COLOR: no escape sequences, no id in two pieces, and no wide table."""
    text = on_terminal(lived, line, columns=40, NO_COLOR="1")
    check_plain(lived, line, text)
    # A table's columns stand apart by two spaces; facts have one such gap, between name and value.
    wide = [one for one in text.splitlines() if len(one) > 40 and len(re.findall(r"\S {2,}\S", one)) > 1]
    assert wide == []


def check_plain(lived: Lived, line: str, text: str) -> None:
    """Something is said, without control characters; ids of the question and the champion are in one piece."""
    assert text.strip()
    assert CONTROL.findall(text) == []
    for word in set(lived.words(line)) & set(lived.ids.values()):
        assert word in text
    if line.split(maxsplit=1)[0] in {"status", "drift", "lineage"}:
        assert lived.ids["MODEL"] in text


def on_terminal(lived: Lived, line: str, *, columns: int, **env: str) -> str:
    """What a command writes to a terminal of its own; lines end as the terminal has them, which is taken away."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    # The terminal's own size counts, not one that some library in this process has written down.
    inherited = environment(lived.folder, TERM="xterm-256color", **env)
    process = subprocess.Popen(
        [sys.executable, "-m", "pulse_blocks", *lived.words(line)],
        cwd=lived.folder, env={k: v for k, v in inherited.items() if k not in {"COLUMNS", "LINES"}},
        stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(theirs)
    said = b"".join(_until_the_end(ours))
    os.close(ours)
    assert process.wait(60) in {0, 1}
    return said.decode().replace("\r\n", "\n")


def _until_the_end(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux's word for: nobody holds the other end any more
            return
        if not part:
            return
        yield part


# What each command that gives data is asked, to give one JSON document.
AS_JSON = {
    "check": "check", "plan": "plan tiny", "status": "status", "doctor": "doctor", "drift": "drift tiny",
    "lineage": "lineage MODEL", "audit verify": "audit verify", "key list": "key list",
    "key create": "key create --scope read --name one", "key revoke": "key revoke one",
    "snapshot create": "snapshot create tiny", "snapshot list": "snapshot list",
    "snapshot show": "snapshot show SNAPSHOT", "snapshot verify": "snapshot verify", "snapshot gc": "snapshot gc",
    "snapshot diff": "snapshot diff SNAPSHOT SNAPSHOT", "ledger archive": "ledger archive --dry-run",
    "ledger holds": "ledger holds", "ledger hold": "ledger hold tiny --reason a",
    "ledger release": "ledger release tiny --reason b", "datasource list": "datasource list",
    "datasource test": "datasource test parcels", "datasource add": "datasource add more parcels.csv",
    "datasource remove": "datasource remove more", "protocol diff": "protocol diff FILE FILE",
    "protocol export": "protocol export FILE --odcs", "demo-data": "demo-data transactions --rows 10",
    "protocol draft": "protocol draft --datasource parcels --query select_all", "init": "init other",
    "workspace create": "workspace create other", "workspace list": "workspace list",
    "workspace show": "workspace show",
}  # fmt: skip
# Those that need a server beside them are asked by the tests that have one.
WITH_A_SERVER = {
    "run", "reproduce", "predict", "score", "promote", "rollback", "snapshot restore", "protocol import",
    "infra check", "automations apply", "automations list", "workspace use",
}  # fmt: skip
# JSON is all that the first gives; the others run until they are stopped, or tell of what they start.
WITHOUT = {"schema", "serve", "up", "demo", "deploy"}


def test_every_command_that_gives_data_offers_json() -> None:
    """A new command is entered here, or says why not."""
    leaves = dict(_leaves([], typer.main.get_group(app)))
    offered = {words for words, one in leaves.items() if any("--json" in found.opts for found in one.params)}
    assert offered == set(AS_JSON) | WITH_A_SERVER
    assert set(leaves) - offered == WITHOUT


def test_json_is_one_document(
    lived: Lived, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Standard output parses as a whole, whatever is said on standard error."""
    monkeypatch.chdir(lived.folder)
    monkeypatch.setenv("PULSE_ROOT", str(lived.folder))
    (lived.folder / "parcels.csv").write_text("a,b\n1,2\n")
    more = {"FILE": "protocols/tiny.yaml", "select_all": "select * from parcels"}
    for line in AS_JSON.values():
        words = [more.get(word, word) for word in lived.words(line)]
        code = run([*words, "--json"])
        said = capsys.readouterr()
        assert code in {0, 1}, (line, said)
        assert "error" not in (found := json.loads(said.out)), (line, found)


def _leaves(words: list[str], command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from _leaves([*words, name], inner)
    else:
        yield " ".join(words), command
