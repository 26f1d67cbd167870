"""The list of commands in ``pulse --help``: grouped, in the order in which a newcomer needs them.

Typer's own grouped help is drawn by rich, whose import alone costs more than everything else that
``pulse --help`` does.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby

import typer
from click import BadParameter, Command, Context, Group, HelpFormatter, Option, Parameter
from typer.core import TyperGroup

CONTRACT, TRAINING, SERVING = "The contract", "Training", "Serving and lineage"
DATA, MACHINE = "Data", "This machine"
_VARIABLE = "PULSE_WORKSPACE"
_HEADINGS = [CONTRACT, TRAINING, SERVING, DATA, MACHINE]


class GroupedCommands(TyperGroup):
    """Commands under the heading that their ``rich_help_panel`` names; within it as they were registered."""

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:  # noqa: ARG002  click's signature
        """Write a section for each heading, all with the same width of the first column."""
        shown = sorted(
            ((_heading(command), name, command) for name, command in self.commands.items()),
            key=lambda item: _HEADINGS.index(item[0]) if item[0] in _HEADINGS else len(_HEADINGS),
        )
        widest = max(len(name) for _, name, _ in shown)
        for heading, members in groupby(shown, key=lambda item: item[0]):
            rows = [
                (name.ljust(widest), command.get_short_help_str(limit=120)) for _, name, command in members
            ]
            with formatter.section(heading):
                formatter.write_dl(rows)


def _heading(command: Command) -> str:
    heading = getattr(command, "rich_help_panel", None)
    return heading if isinstance(heading, str) else "Commands"


def commands(about: str, *, completion: bool = False) -> typer.Typer:
    """A group of commands, to register some with; ``completion`` adds --install-completion to it."""
    return typer.Typer(
        cls=GroupedCommands,
        help=about,
        no_args_is_help=True,
        add_completion=completion,
        rich_markup_mode=None,
        suggest_commands=False,  # click does it already, and typer would say it twice
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )


@contextmanager
def workspace_of_one_command() -> Iterator[None]:
    """Take back what ``--workspace`` has put into the environment: the next command may be of another workspace."""
    before = os.environ.get(_VARIABLE)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(_VARIABLE, None)
        else:
            os.environ[_VARIABLE] = before


def with_workspace_option(command: Command) -> Command:
    """Let a command and all below it take ``--workspace NAME``, for as long as it runs and for whatever it starts."""
    option = Option(
        ["--workspace"],
        metavar="NAME",
        expose_value=False,
        is_eager=True,
        callback=_use_workspace,
        help="The workspace to work in, in place of the one in use.",
    )
    command.params.append(option)
    if isinstance(command, Group):
        for below in command.commands.values():
            with_workspace_option(below)
    return command


def _use_workspace(context: Context, option: Parameter, name: str | None) -> None:
    if name == "":
        raise BadParameter("no name is given.", context, option)
    if name is not None:
        os.environ[_VARIABLE] = name
