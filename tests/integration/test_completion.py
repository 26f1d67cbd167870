"""Completion in the shells themselves: what TAB offers after ``pulse``."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lineage_world import World
from tests.tiny_project import environment

# A terminal of its own, in which zsh is typed at as a person would, and TAB is pressed.
_ZSH = """
zmodload zsh/zpty
zpty shell "zsh -f -i"
tell() { zpty -w shell "$1" }
until_seen() { zpty -r -m shell seen "*$1*"; print -r -- "$seen" }
tell 'PS1=; unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -D; print "re""ady"'
until_seen ready > /dev/null
tell 'source =(pulse --show-completion); print "load""ed"'
until_seen loaded > /dev/null
zpty -n -w shell "pulse $1"$'\\t'
until_seen "$2"
zpty -d shell
"""
_BASH = """
source <(pulse --show-completion)
read -ra COMP_WORDS <<< "pulse $1"
[[ "$1" == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_pulse_completion pulse
printf '%s\\n' "${COMPREPLY[@]}"
"""


def complete(folder: Path, shell: str, script: str, *words: str) -> str:
    """What the shell says to a script in the project's folder, with ``pulse`` on its path."""
    program = shutil.which(shell) or pytest.skip(f"There is no {shell} on this machine.")
    env = environment(folder)
    env |= {"PATH": f"{Path(sys.executable).parent}:{env['PATH']}", "TERM": "dumb", "HOME": str(folder)}
    command = [program, *(["-f"] if shell == "zsh" else []), "-c", script, shell, *words]
    done = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_bash_completes_commands_names_and_ids(tmp_path: Path) -> None:
    """Commands, options, the project's protocols, and ids of what the ledger and the store have."""
    world, folder = World(tmp_path), tmp_path
    snapshot = world.snapshot()
    world.promote(world.keep(world.train(snapshot), snapshot))
    (folder / "protocols").mkdir(exist_ok=True)
    (folder / "protocols" / "tiny.yaml").write_text("pulse: 1\n")
    assert complete(folder, "bash", _BASH, "sna").split() == ["snapshot"]
    assert "--datasource" in complete(folder, "bash", _BASH, "score --").split()
    assert complete(folder, "bash", _BASH, "run ti").split() == ["tiny"]
    traced = complete(folder, "bash", _BASH, "lineage ").split()
    assert "tiny" in traced
    assert snapshot.id in traced
    assert any(one.startswith("run_") for one in traced)
    assert any("@" in one for one in traced)


def test_zsh_completes_a_name(tmp_path: Path) -> None:
    """TAB after the first letters of a protocol writes the rest."""
    (tmp_path / "protocols").mkdir()
    (tmp_path / "protocols" / "flight-delay.yaml").write_text("pulse: 1\n")
    assert "flight-delay" in complete(tmp_path, "zsh", _ZSH, "run fl", "flight-delay")


def test_nothing_is_said_where_nothing_can_be_looked_at(tmp_path: Path) -> None:
    """A workspace that cannot be read offers nothing, and no error lands between two keystrokes."""
    (tmp_path / ".pulse").mkdir()
    (tmp_path / ".pulse" / "workspace.toml").write_text("not toml at all")
    assert complete(tmp_path, "bash", _BASH, "run fl").split() == []
