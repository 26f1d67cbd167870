"""``pulse protocol``: contracts compared, drafted from data, and exchanged with other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pulse_blocks.cli.grouping import commands
from pulse_blocks.cli.output import Json, emit

if TYPE_CHECKING:
    from pulse_blocks.protocol.diff import Change

app = commands("Compare protocols, draft one from data, exchange them with other tools.")


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(help="A protocol file.")],
    new: Annotated[Path, typer.Argument(help="Its new version; the names of the files do not matter.")],
    *,
    as_json: Json = False,
) -> None:
    """Tell every change between two protocols: breaking, compatible or cosmetic for callers.

    A run refuses breaking changes without a new major version. The exit code is 0 whatever changed.
    """
    from pulse_blocks.protocol.diff import changes
    from pulse_blocks.protocol.loading import load

    before, after = load(old, any_name=True), load(new, any_name=True)
    found = changes(before, after)
    counts = {impact: sum(change.impact == impact for change in found) for impact in _IMPACTS}
    data: dict[str, Any] = {
        "old": {"file": str(old), "name": before.name, "version": before.version},
        "new": {"file": str(new), "name": after.name, "version": after.version},
        **counts,
        "changes": found,
    }
    emit(data, lambda: _changes(found, counts), as_json=as_json)


_IMPACTS = ("breaking", "compatible", "cosmetic")


def _changes(found: tuple[Change, ...], counts: dict[str, int]) -> str:
    from pulse_blocks.cli.failures import printable

    if not found:
        return "No change."
    lines = [printable(_line(change)) for change in found]
    return "\n".join([*lines, ", ".join(f"{counts[impact]} {impact}" for impact in _IMPACTS) + "."])


def _line(change: Change) -> str:
    return f"{change.impact.ljust(10)}  {change.path}: {_value(change.old)} -> {_value(change.new)}  {change.reason}"


def _value(value: Any) -> str:
    from pulse_blocks.cli.output import to_json

    text = "none" if value is None else " ".join(to_json(value).split())
    return text if len(text) <= 60 else f"{text[:59]}…"
