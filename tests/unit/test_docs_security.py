"""What docs/security.md says is so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from pulse_blocks.cli.main import run
from pulse_blocks.serving.guard import PUBLIC, needed
from pulse_blocks.serving.impatient import ImpatientProtocol
from pulse_blocks.serving.keyring import TRUSTED_SECONDS
from pulse_blocks.serving.refusals import BODY_LIMIT
from pulse_blocks.settings import Workspace

PAGE = (Path(__file__).parents[2] / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `?(none|predict|feedback|read)`? \| `?(GET|POST) (.+) \|$", PAGE, re.MULTILINE)


def test_the_commands_work(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each ``pulse key`` line of the page, in its order."""
    monkeypatch.setenv("PULSE_ROOT", workspace.root)
    lines = re.findall(r"^pulse (key .+?)(?: +#.*)?$", PAGE, re.MULTILINE)
    assert len(lines) == 3
    for line in lines:
        assert run(shlex.split(line)) == 0, line


def test_the_scopes_are_as_the_table_says() -> None:
    """Every page in it needs that scope, and the public ones are all of them."""
    assert [row[0] for row in ROWS] == ["none", "predict", "feedback", "read"]
    for scope, method, cell in ROWS:
        paths = re.findall(r"/[a-zA-Z0-9/_.]+", cell)
        if scope == "none":
            assert set(paths) == PUBLIC
        else:
            assert {needed(method, path) for path in paths} == {scope}


def test_the_limits_are_as_the_table_says() -> None:
    """In seconds and bytes."""
    limits = dict(re.findall(r"^\| ([^|]+?) \| (\d+ \w+) \|", PAGE, re.MULTILINE))
    assert limits["first byte of a connection"] == f"{ImpatientProtocol.first_byte_seconds:.0f} s"
    assert limits["a whole request"] == f"{ImpatientProtocol.request_seconds:.0f} s"
    assert limits["a reply of which nothing is read"] == f"{ImpatientProtocol.unread_seconds:.0f} s"
    assert limits["head of a request"] == f"{ImpatientProtocol.head_bytes // 1024} KiB"
    assert limits["body"] == f"{BODY_LIMIT // 1_000_000} MB"
    assert f"for {TRUSTED_SECONDS:.0f} seconds" in PAGE
