"""``pulse check``: every problem of every file at once, and nothing touched."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_project import PROTOCOL, pulse

BROKEN = PROTOCOL.replace("task: binary", "taks: binary").replace("ge: 0, le: 50", "ge: zero, le: 50")
HOSTILE = {
    "unknown-key": PROTOCOL + "surprise: 1\n",
    "wrong-type": PROTOCOL.replace("rounds: 20", "rounds: many"),
    "missing-section": PROTOCOL.replace("target: {name: late, type: bool}\n", ""),
    "duplicate-key": PROTOCOL + "version: 1.0.1\n",
    "bad-yaml": PROTOCOL + "  : [\n",
    "alias-bomb": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(
        f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "path-in-name": PROTOCOL.replace("name: tiny", "name: ../../etc/passwd"),
    "not-yaml": "\x00\x01\x02",
    "empty": "",
}


def files_of(folder: Path) -> dict[str, bytes]:
    """Everything below a folder."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one sound and one broken protocol."""
    (tmp_path / "protocols").mkdir()
    (tmp_path / "protocols" / "tiny.yaml").write_text(PROTOCOL)
    (tmp_path / "protocols" / "broken.yaml").write_text(BROKEN)
    return tmp_path


def problems(folder: Path, *files: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit code and problems of ``pulse check --json``."""
    done = pulse(folder, "check", *files, "--json")
    return done.returncode, json.loads(done.stdout)["problems"]


def test_a_sound_protocol_is_told_to_be_sound(project: Path) -> None:
    """Exit code 0; name, version, columns and digest are told, in text and as JSON."""
    done = pulse(project, "check", "protocols/tiny.yaml")
    assert done.returncode == 0
    assert done.stdout.startswith("protocols/tiny.yaml: sound. tiny 1.0.0, 7 columns (4 features), digest ")
    told = json.loads(pulse(project, "check", "protocols/tiny.yaml", "--json").stdout)
    assert told["problems"] == []
    assert told["sound"][0]["name"] == "tiny"
    assert len(told["sound"][0]["digest"]) == 64


def test_without_a_file_all_protocols_are_checked(project: Path) -> None:
    """The sound ones and the broken ones of the project, in one call, from any of its folders."""
    done = pulse(project, "check")
    assert done.returncode == 1
    assert re.search(r"^protocols/broken.yaml:5:\d+: taks: ", done.stdout, re.MULTILINE)
    assert "protocols/tiny.yaml: sound." in done.stdout


def test_a_problem_names_file_line_column_path_reason_and_nearest_key(project: Path) -> None:
    """What an editor needs to jump there, and a person to correct it."""
    code, found = problems(project, "protocols/broken.yaml")
    assert code == 1
    unknown = next(one for one in found if one["path"] == "taks")
    assert (unknown["file"], unknown["line"]) == ("protocols/broken.yaml", 5)
    assert "task" in unknown["hint"]
    bound = next(one for one in found if one["path"] == "features.weight.ge")
    assert (bound["line"], bound["column"]) == (13, 29)
    assert "zero" in bound["message"]


def test_all_problems_of_all_files_come_in_one_go_and_nothing_is_touched(project: Path) -> None:
    """Broken files of every kind and one that is not there: each is named, no traceback, no trace."""
    for name, text in HOSTILE.items():
        (project / "protocols" / f"{name}.yaml").write_text(text)
    before = files_of(project)
    names = [f"protocols/{name}.yaml" for name in HOSTILE]
    code, found = problems(project, *names, "protocols/nothing.yaml")
    assert code == 1
    assert {one["file"] for one in found} == {*names, "protocols/nothing.yaml"}
    assert all(one["line"] >= 1 and one["column"] >= 1 and one["message"] for one in found)
    assert files_of(project) == before


def test_the_text_counts_problems_and_files(project: Path) -> None:
    """The last line sums up, so that a long list can be read from its end."""
    lines = pulse(project, "check", "protocols/broken.yaml", "nothing.yaml").stdout.splitlines()
    assert lines[-1] == f"{len(lines) - 1} problems in 2 files."


def test_a_project_without_protocols_is_told(tmp_path: Path) -> None:
    """Nothing to check is no success."""
    done = pulse(tmp_path, "check")
    assert done.returncode == 1
    assert "There are no protocols" in done.stderr


def test_folders_are_checked_too(project: Path) -> None:
    """All protocols of a folder, beside single files; a folder without any is refused by its name."""
    (project / "more").mkdir()
    (project / "more" / "other.yaml").write_text(PROTOCOL.replace("name: tiny", "name: other"))
    (project / "more" / "notes.txt").write_text("no protocol")
    done = pulse(project, "check", "more", "protocols/tiny.yaml", "--json")
    assert done.returncode == 0
    assert [one["file"] for one in json.loads(done.stdout)["sound"]] == [
        "more/other.yaml",
        "protocols/tiny.yaml",
    ]
    (project / "none").mkdir()
    done = pulse(project, "check", "none")
    assert done.returncode == 1
    assert "There are no protocols in none." in done.stderr
