"""Tests that share what is costly to start run in one process, whichever files they stand in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny_project import ROOT

_CONFTEST = """
import os, pathlib, pytest
from tests import scheduling

def pytest_configure(config):
    scheduling.register(config)

@pytest.fixture
def note(request):
    with open(os.environ["NOTES"], "a") as file:
        file.write(f"{request.node.name} {os.getpid()}\\n")

@pytest.fixture(scope="module")
def costly():
    with open(os.environ["NOTES"], "a") as file:
        file.write(f"costly {os.getpid()}\\n")
"""
_OF_A_FILE = """
import pytest

@pytest.mark.parametrize("number", range(12))
def test_of_a_file(costly, note, number):
    pass
"""
_MARKED = """
import pytest

@pytest.mark.xdist_group("shared")
@pytest.mark.parametrize("number", range(6))
def test_marked(note, number):
    pass

@pytest.mark.parametrize("number", range(40))
def test_single(note, number):
    pass
"""


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What each test of four small files, run by two processes, was called, and in which process it ran."""
    folder = tmp_path / "tests_of_two"
    folder.mkdir()
    (folder / "conftest.py").write_text(_CONFTEST)
    for name, text in [("a", _OF_A_FILE), ("b", _OF_A_FILE), ("c", _MARKED), ("d", _MARKED)]:
        (folder / f"test_{name}.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n  xdist_group\n")
    monkeypatch.setenv("NOTES", str(tmp_path / "notes"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    argv = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "--rootdir", "."]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return [
        (name, pid) for name, pid in (line.split() for line in (tmp_path / "notes").read_text().splitlines())
    ]


def test_groups_stay_together_and_the_rest_is_shared_out(notes: list[tuple[str, str]]) -> None:
    """A file's fixture is set up once, a mark holds across files, and what shares nothing is done by both."""
    of = {
        kind: [pid for name, pid in notes if name.startswith(kind)]
        for kind in ("costly", "test_marked", "test_single")
    }
    assert len(of["costly"]) == 2
    assert len(of["test_marked"]) == 12
    assert len(set(of["test_marked"])) == 1
    assert len(of["test_single"]) == 80
    assert len(set(of["test_single"])) == 2
    assert sum(name.startswith("test_of_a_file") for name, _ in notes) == 24
