"""``pulse ledger``: old inferences go, legal holds keep, and everything is said."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from pulse_blocks.cli.main import run
from pulse_blocks.ledger import migrate, open_ledger
from pulse_blocks.settings import Workspace
from tests.old_inferences import NOW, old
from tests.tiny_project import PROTOCOL

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def here(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A workspace with ten inferences that are older than a hundred days, and its protocol."""
    monkeypatch.setenv("PULSE_ROOT", workspace.root)
    workspace.protocols.mkdir()
    (workspace.protocols / "tiny.yaml").write_text(PROTOCOL)
    migrate(workspace.ledger)
    with open_ledger(workspace.ledger) as ledger:
        ledger.append(old(10, 100 - (dt.datetime.now(dt.UTC) - NOW).days))


def keep(workspace: Workspace, retention: str) -> None:
    """Give the protocol a retention."""
    (workspace.protocols / "tiny.yaml").write_text(f"{PROTOCOL}\nretention: {retention}\n")


def test_what_is_old_goes(capsys: Captured) -> None:
    """By hand: told first, then done, then nothing is left to do."""
    assert run(["ledger", "archive", "--older-than", "90d", "--dry-run"]) == 0
    assert "tiny: 10 inferences of 1 days" in capsys.readouterr().out
    assert run(["ledger", "archive", "--older-than", "90d", "--name", "tiny", "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["moved"][0]["rows"], len(done["moved"][0]["files"]), done["expired"]) == (10, 1, [])
    assert run(["ledger", "archive", "--older-than", "90d"]) == 0
    assert "Nothing is old enough." in capsys.readouterr().out


def test_the_protocol_says_how_long(workspace: Workspace, capsys: Captured) -> None:
    """Without retention nothing goes; with it what it says, unless there is a hold."""
    assert run(["ledger", "archive"]) == 0
    assert "Nothing" in capsys.readouterr().out
    assert run(["ledger", "archive", "--name", "tiny"]) == 2
    keep(workspace, "{live: 30d, archived: 40d}")
    assert run(["ledger", "hold", "tiny", "--reason", "case 7"]) == 0
    capsys.readouterr()
    assert run(["ledger", "holds"]) == 0
    assert "case 7" in capsys.readouterr().out
    assert run(["ledger", "archive"]) == 0
    told = capsys.readouterr().out
    assert "10 inferences" in told
    assert "stays, held by" in told
    assert run(["ledger", "release", "tiny", "--reason", "settled"]) == 0
    assert run(["ledger", "release", "tiny", "--reason", "settled"]) == 1
    capsys.readouterr()
    assert run(["ledger", "archive"]) == 0
    assert "1 archives, 10 inferences, are deleted by retention." in capsys.readouterr().out


def test_what_is_refused(workspace: Workspace, capsys: Captured) -> None:
    """An age that is none; and of a protocol that is not sound nothing is moved, which is told."""
    assert run(["ledger", "archive", "--older-than", "soon"]) == 2
    keep(workspace, "{live: 1}")
    assert run(["ledger", "archive"]) == 1
    assert "Nothing was done for tiny" in capsys.readouterr().err
