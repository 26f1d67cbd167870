"""What holds for every command: exit codes, which stream carries what, quiet ends."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import pulse_blocks
from tests.tiny_project import environment, pulse


def started(body: str, folder: Path, *arguments: str, **env: str) -> subprocess.Popen[str]:
    """``pulse tested``: a command whose function has this body, in a process of its own."""
    code = (
        "import sys, typer\nfrom pulse_blocks.cli import main\nfrom pulse_blocks.errors import PulseError\n"
        f"@main.app.command('tested')\ndef tested(json: bool = False):\n    {body}\nmain.main()"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, "tested", *arguments],
        cwd=folder,
        env=environment(folder, **env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_help_shows_the_commands_in_groups(tmp_path: Path) -> None:
    """The groups come in the order in which a newcomer needs them, on standard output."""
    done = pulse(tmp_path, "--help")
    headings = re.findall(r"^(\S.*):$", done.stdout, re.MULTILINE)
    assert done.returncode == 0
    assert done.stderr == ""
    assert [one for one in headings if one != "Options"] == [
        one
        for one in ("The contract", "Training", "Serving and lineage", "Data", "This machine")
        if one in headings
    ]
    for command in ("check", "schema", "serve", "predict", "lineage", "snapshot", "datasource", "demo-data"):
        assert re.search(rf"^  {command} +\S", done.stdout, re.MULTILINE)


def test_the_version_is_the_packages(tmp_path: Path) -> None:
    """``pulse --version`` must name the version that is installed."""
    assert pulse(tmp_path, "--version").stdout == f"pulse {pulse_blocks.__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["check", "--no-such-option"],
        ["lineage"],
        ["demo-data", "weather"],
        ["demo-data", "--rows", "0"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], tmp_path: Path) -> None:
    """An unknown command, option or value: told on standard error, and nothing on standard output."""
    done = pulse(tmp_path, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_usage_with_json_is_json(tmp_path: Path) -> None:
    """A program that asks for JSON must be able to read every answer."""
    done = pulse(tmp_path, "check", "--no-such-option", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "usage"


def test_a_near_command_is_suggested_once(tmp_path: Path) -> None:
    """A typo is answered with the command that was meant."""
    assert pulse(tmp_path, "lineag", "x").stderr.count("Did you mean 'lineage'?") == 1


def test_a_refusal_is_exit_code_1_and_text_on_standard_error(tmp_path: Path) -> None:
    """Message and hint, each on a line of its own, without colours in a pipe."""
    process = started("raise PulseError('a.b', 'It failed.', 'Try again.')", tmp_path)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (1, "", "error: It failed.\nhint: Try again.\n")


def test_a_refusal_with_json_is_json_on_standard_output(tmp_path: Path) -> None:
    """With --json standard output is JSON alone, also where a command fails."""
    process = started("raise PulseError('a.b', 'It failed.', 'Try again.')", tmp_path, "--json")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert json.loads(out) == {"error": {"code": "a.b", "message": "It failed.", "hint": "Try again."}}
    assert err == "error: It failed.\nhint: Try again.\n"


def test_an_error_of_pulse_itself_is_one_line_and_a_file(tmp_path: Path) -> None:
    """No traceback on the terminal: it is in a private file whose path is told."""
    process = started("{}['no such key']", tmp_path)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert err.startswith("error: Pulse has met an error of its own: KeyError: 'no such key'\nhint: ")
    assert "Traceback" not in err
    (file,) = (tmp_path / ".pulse" / "errors").iterdir()
    assert str(file) in err
    assert file.read_text().startswith("Traceback (most recent call last)")
    assert file.stat().st_mode & 0o077 == 0


def test_ctrl_c_ends_a_command_quietly(tmp_path: Path) -> None:
    """Exit code 130, and not a word."""
    process = started("print('ready', flush=True); __import__('time').sleep(60)", tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "")


@pytest.mark.parametrize("lines", [1, 100_000])
def test_a_reader_that_has_enough_is_no_error(tmp_path: Path, lines: int) -> None:
    """``pulse ... | head -0``: no traceback, whether the output fits a buffer or not."""
    process = started(f"__import__('time').sleep(0.2); print('line\\n' * {lines})", tmp_path)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=60) == 1


@pytest.mark.parametrize("command", ["check", "lineage", "predict"])
def test_an_argument_that_is_no_text_is_wrong_usage(tmp_path: Path, command: str) -> None:
    """Bytes that are not UTF-8 can be neither printed nor sent: told, and never a bug."""
    done = pulse(tmp_path, command, "a\udcff@", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "usage"


def test_a_terminal_without_the_glyphs_is_no_error(tmp_path: Path) -> None:
    """What it cannot show is spelled out."""
    process = started("print('\u251c\u2500')", tmp_path, PYTHONIOENCODING="ascii")
    assert process.communicate(timeout=60) == ("\\u251c\\u2500\n", "")
    assert process.returncode == 0
