"""``pulse doctor``: what is wrong with this machine and this workspace, and what helps."""

from __future__ import annotations

import os
import sys
import textwrap
from typing import TYPE_CHECKING

import typer

from pulse_blocks.cli.failures import printable
from pulse_blocks.cli.output import Json, emit, terminal_width

if TYPE_CHECKING:
    from pulse_blocks.cli.checkup import Diagnosis

_COLOURS = {"ok": "\x1b[32m", "warning": "\x1b[33m", "broken": "\x1b[1;31m"}
_PLAIN = "\x1b[0m"
_NARROW = 60


def doctor(*, as_json: Json = False) -> None:
    """Look for what is wrong, and say what helps. The exit code is 1 where something is broken."""
    from pulse_blocks import settings
    from pulse_blocks.cli.checkup import checkup

    found = checkup(settings.load())
    broken = sum(one.level == "broken" for one in found)
    data = {"ok": not broken, "checks": found}
    emit(data, lambda: render(found, width=terminal_width(), colour=coloured()), as_json=as_json)
    if broken:
        raise typer.Exit(1)


def render(found: tuple[Diagnosis, ...], *, width: int, colour: bool) -> str:
    """A line for each check, its fix below it, wrapped to ``width``; then how many are not ok."""
    names = max(len(one.name) for one in found)
    lines = [line for one in found for line in _lines(one, names, width, colour=colour)]
    counts = [
        f"{count} {level}"
        for level in ("broken", "warning")
        if (count := sum(one.level == level for one in found))
    ]
    return "\n".join([*lines, "", ", ".join(counts) or "Everything is in order."])


def _lines(one: Diagnosis, names: int, width: int, *, colour: bool) -> list[str]:
    if width < _NARROW:
        return _block(one, width, colour=colour)
    start, plain = (_COLOURS[one.level], _PLAIN) if colour else ("", "")
    indent = " " * (names + 11)
    texts = [one.said, *([f"fix: {one.fix}"] if one.fix else [])]
    room = max(20, min(width, 10_000) - len(indent))
    wrapped = [
        line for text in texts for line in textwrap.wrap(printable(text), room, break_on_hyphens=False)
    ]
    head = f"{start}{one.level.ljust(7)}{plain}  {one.name.ljust(names)}  {wrapped[0]}"
    return [head, *(indent + line for line in wrapped[1:])]


def _block(one: Diagnosis, width: int, *, colour: bool) -> list[str]:
    """The same for a narrow terminal: what was found stands below the name."""
    start, plain = (_COLOURS[one.level], _PLAIN) if colour else ("", "")
    texts = [one.said, *([f"fix: {one.fix}"] if one.fix else [])]
    wrapped = [
        line for text in texts for line in textwrap.wrap(printable(text), width - 2, break_on_hyphens=False)
    ]
    return [f"{start}{one.level}{plain} {one.name}", *(f"  {line}" for line in wrapped)]


def coloured() -> bool:
    """Whether standard output is a terminal that wants colours."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")
