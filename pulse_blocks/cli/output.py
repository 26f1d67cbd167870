"""What a command found, as text for people or JSON for programs: the only place that prints to stdout."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec
import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, to standard output.")]


def emit(data: Any, render: Callable[[], str], *, as_json: bool) -> None:
    """Print ``data`` (records, dicts, lists) as JSON, or what ``render`` makes of it for people."""
    text = to_json(data) if as_json else render()
    sys.stdout.write(f"{text}\n")


def to_json(data: Any) -> str:
    """Indented JSON. A number that JSON does not know (NaN, infinity) becomes null."""
    return msgspec.json.format(msgspec.json.encode(data), indent=2).decode()


def note(text: str) -> None:
    """A line about what is going on, for people: to standard error, so that output stays clean."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """Aligned columns; ids stay whole, to be copied. ``right`` names the columns that hold numbers.

    On a terminal that is too narrow each row becomes a block of its own.
    """
    widths = [max(len(line[at]) for line in (headers, *rows)) for at in range(len(headers))]
    if rows and sum(widths) + 2 * (len(widths) - 1) > terminal_width():
        return "\n\n".join(facts(list(zip(headers, row, strict=True))) for row in rows)

    def aligned(line: Sequence[str]) -> str:
        cells = (
            cell.rjust(width) if at in right else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        return "  ".join(cells).rstrip()

    return "\n".join(aligned(line) for line in (headers, *rows))


def terminal_width() -> int:
    """Columns of the terminal that standard output goes to; in a pipe there is no end."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Name and value of each fact, one a line, the values aligned."""
    width = max(len(name) for name, _ in pairs)
    return "\n".join(f"{name.ljust(width)}  {value}" for name, value in pairs)


def size(count: int) -> str:
    """Bytes for people, in steps of 1,000: ``3.2 MB``."""
    number, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if number < 1000 or unit == "TB":
            break
        number /= 1000
    return f"{count} B" if unit == "B" else f"{number:.1f} {unit}"
