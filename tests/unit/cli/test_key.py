"""``pulse key``: made once, shown once, revoked for good."""

from __future__ import annotations

import json

import pytest

from pulse_blocks.cli import key
from pulse_blocks.cli.main import run
from pulse_blocks.ledger import keys
from pulse_blocks.settings import Workspace

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def here(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A workspace in which nothing has been run yet."""
    monkeypatch.setenv("PULSE_ROOT", workspace.root)


def test_a_key_is_printed_alone(capsys: Captured) -> None:
    """To standard output nothing but the key, so that a shell may keep it; the rest is for people."""
    assert run(["key", "create", "--scope", "predict", "--scope", "feedback", "--name", "shop"]) == 0
    told = capsys.readouterr()
    token = told.out.strip()
    assert token.startswith("pulse_")
    assert token not in told.err
    assert "predict, feedback" in told.err
    assert run(["key", "list"]) == 0
    listed = capsys.readouterr().out
    assert "shop" in listed
    assert token.split("_")[2] not in listed


def test_as_data(capsys: Captured) -> None:
    """Made, listed and revoked as JSON."""
    assert run(["key", "create", "--scope", "read", "--name", "shop", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert set(made) == {"id", "name", "scopes", "key"}
    assert run(["key", "revoke", made["id"], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["revoked"] > 0
    assert run(["key", "list", "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert (one["name"], one["scopes"], "key" in one, "sha256" in one) == ("shop", ["read"], False, False)


def test_what_is_refused(capsys: Captured) -> None:
    """An unknown scope is wrong usage; a name that is taken, or nobody's, a refusal."""
    assert run(["key", "create", "--scope", "everything", "--name", "x"]) == 2
    assert run(["key", "create", "--name", "x"]) == 2
    assert run(["key", "create", "--scope", "read", "--name", "x"]) == 0
    assert run(["key", "create", "--scope", "read", "--name", "x"]) == 1
    assert "There is a key x already" in capsys.readouterr().err
    assert run(["key", "revoke", "nobody"]) == 1
    assert "pulse key list" in capsys.readouterr().err


def test_tls_files_belong_together(capsys: Captured) -> None:
    """One without the other is wrong usage."""
    assert run(["serve", "parcels", "--tls-cert", "a.pem"]) == 2
    assert "give both" in capsys.readouterr().err


def test_the_scopes_are_those_of_the_ledger() -> None:
    """The command line keeps a copy, to start faster."""
    assert key.SCOPES == keys.SCOPES
