"""Code blocks say what they are; what is not executed is parsed; what is a protocol is sound."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import typer
import yaml

from pulse_blocks.cli.grouping import with_workspace_option
from pulse_blocks.cli.main import app
from pulse_blocks.protocol import loading
from pulse_blocks.protocol.writing import as_yaml
from tests.docs.fences import ALL, Fence, commands
from tests.tiny_project import ROOT

KINDS = {"sh", "console", "yaml", "toml", "json", "python", "sql", "text", "ini"}
TOOLS = {"aws", "curl", "docker", "export", "kubectl", "make", "openssl", "pip", "prefect", "psql"}
CODE = [fence for fence in ALL if fence.kind in {"sh", "console"}]
INLINE = re.compile(r"`(pulse [a-z][^`\n]*)`")


@pytest.fixture(autouse=True)
def _no_workspace_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parsing ``--workspace NAME`` chooses it for the process: put back what was chosen before."""
    monkeypatch.setenv("PULSE_WORKSPACE", "default")


def test_every_block_says_what_it_is() -> None:
    """No bare block: whoever adds a command decides whether it is executed, and says why it is not."""
    assert [str(fence) for fence in ALL if fence.kind not in KINDS] == []
    assert [str(fence) for fence in ALL if fence.kind == "console" and not fence.reason] == []
    assert sum(fence.kind == "sh" for fence in ALL) > 20


@pytest.mark.parametrize("fence", CODE, ids=str)
def test_commands_and_their_options_exist(fence: Fence) -> None:
    """Each ``pulse`` line is one that the command line takes; files and make verbs that are named are there."""
    for line in commands(fence.text):
        words = shlex.split(line, comments=True)
        if words[0] == "pulse":
            parse(words[1:])
        elif fence.kind == "console":
            assert words[0] in TOOLS, line
        for name in re.findall(r"(?:file://| -f |--base-job-template )(deployments/\S+)", line):
            assert (ROOT / name).exists(), name
        if words[0] == "make":
            assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), line


def test_commands_in_the_text_exist() -> None:
    """Also those that a sentence names: the words lead to a command, its options are there."""
    pages = [ROOT / page for page in dict.fromkeys(fence.page for fence in ALL)]
    for page in pages:
        for text in INLINE.findall(page.read_text("utf-8")):
            command, rest = resolve(shlex.split(text)[1:])
            options = {name for one in command.params for name in one.opts}
            named = {word.partition("=")[0] for word in rest if word.startswith("--")}
            assert named <= options | {"--help"}, f"{page.name}: {text}"


def parse(words: list[str]) -> None:
    """Have click parse a command as it stands, without running it; raises its UsageError."""
    until = next((at for at, word in enumerate(words) if word in {">", "|", "<", ";", "&&", "&"}), len(words))
    command, rest = resolve(words[:until])
    command.make_context("pulse", rest)


def resolve(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that words lead to, and what is left of them. A group alone is one, as in a sentence."""
    command = with_workspace_option(typer.main.get_group(app))
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        assert rest[0] in command.commands, " ".join(words)
        command = command.commands[rest.pop(0)]
    return command, rest


# The page on the language has a test of its own: tests/unit/docs/test_protocol_page.py.
PROTOCOLS = [fence for fence in ALL if fence.kind == "yaml" and fence.page != "docs/protocol.md"]


@pytest.mark.parametrize("fence", PROTOCOLS, ids=str)
def test_protocols_are_sound(fence: Fence, tmp_path: Path) -> None:
    """A whole file as it stands; a section in the place of the example's own."""
    given = yaml.safe_load(fence.text)
    text = fence.text
    if "pulse" not in given:
        whole = yaml.safe_load((ROOT / "protocols" / "flight-delay.yaml").read_text())
        text = as_yaml(merged(whole, given))
    path = tmp_path / f"{yaml.safe_load(text)['name']}.yaml"
    path.write_text(text)
    loading.load(path)


def merged(whole: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """``part`` over ``whole``, section by section; a model's parameters are one thing."""
    return whole | {
        key: merged(whole[key], value)
        if isinstance(value, dict) and isinstance(whole.get(key), dict) and key != "params"
        else value
        for key, value in part.items()
    }
