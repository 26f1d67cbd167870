"""Every command with its arguments and options, from the tree that the command line itself is."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, NamedTuple

import click
import typer

from pulse_blocks.cli.grouping import CONTRACT, DATA, MACHINE, SERVING, TRAINING
from pulse_blocks.cli.main import app

HEADINGS = (CONTRACT, TRAINING, SERVING, DATA, MACHINE)


class Parameter(NamedTuple):
    """An argument or option as it is written, with its help; ``default`` is empty where there is none."""

    written: str
    help: str
    default: str
    environment: str


class Command(NamedTuple):
    """One command: its words after ``pulse``, its usage line and its help."""

    words: str
    usage: str
    help: str
    parameters: list[Parameter]


def groups() -> list[tuple[str, list[Command]]]:
    """Commands by the headings of ``pulse --help``, in its order."""
    root = typer.main.get_group(app)
    found: dict[str, list[Command]] = {heading: [] for heading in HEADINGS}
    for name, command in root.commands.items():
        found[str(getattr(command, "rich_help_panel", ""))] += [
            _command(words, leaf) for words, leaf in leaves([name], command)
        ]
    return list(found.items())


def leaves(words: list[str], command: click.Command) -> Iterator[tuple[list[str], click.Command]]:
    """Every command below one that can be run, with the words that lead to it."""
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from leaves([*words, name], inner)
    else:
        yield words, command


def _command(words: list[str], command: click.Command) -> Command:
    context = click.Context(command, info_name=" ".join(["pulse", *words]))
    pieces = [piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]"]
    shown = [one for one in command.params if not getattr(one, "hidden", False)]
    return Command(
        words=" ".join(words),
        usage=" ".join(["pulse", *words, *pieces]),
        help=inspect.cleandoc(command.help or "").replace("``", "`").split("\f")[0].strip(),
        parameters=[_parameter(one, context) for one in shown],
    )


def _parameter(one: click.Parameter, context: click.Context) -> Parameter:
    help_: str = getattr(one, "help", None) or ""
    if isinstance(one, click.Argument):
        written = one.make_metavar(context)
    else:
        written = ", ".join([*one.opts, *one.secondary_opts])
        if not getattr(one, "is_flag", False):
            written += f" {one.make_metavar(context)}"
    env = one.envvar or ()
    return Parameter(written, help_, _default(one.default), ", ".join([env] if isinstance(env, str) else env))


def _default(value: Any) -> str:
    value = getattr(value, "value", value)
    if value is None or value is False or callable(value) or str(value).startswith("Sentinel"):
        return ""
    return f"`{value}`"
