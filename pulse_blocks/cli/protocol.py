"""``pulse protocol``: contracts compared, drafted from data, and exchanged with other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click
import typer

from pulse_blocks.cli.failures import printable
from pulse_blocks.cli.grouping import commands
from pulse_blocks.cli.output import Json, emit, note
from pulse_blocks.errors import ProtocolError

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


@app.command()
def draft(
    *,
    datasource: Annotated[str, typer.Option(help="A datasource of the workspace.")],
    query: Annotated[str, typer.Option(help="SQL; it may compare times with :start and :end.")],
    name: Annotated[
        str | None, typer.Option(show_default=False, help="Of the protocol; else the datasource's.")
    ] = None,
    rows: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many rows to look at.")] = 50_000,
    as_json: Json = False,
) -> None:
    """Print a first protocol for the rows of a query, with a mark wherever a person must decide."""
    from pulse_blocks import settings
    from pulse_blocks.cli.prefect_blocks import with_block
    from pulse_blocks.protocol.drafting import draft as drafted
    from pulse_blocks.protocol.loading import loads
    from pulse_blocks.records import Window
    from pulse_blocks.sources import Query, open_source
    from pulse_blocks.sources.finding import find_datasource

    source = open_source(find_datasource(datasource, with_block(settings.load(), datasource)))
    ever = Window(start="1000-01-01T00:00:00Z", end="9999-12-31T00:00:00Z")
    table = source.peek(Query(sql=query, columns=(), datasource=datasource, window=ever), rows)
    text = drafted(table, name or datasource, datasource, query)
    data = {"name": name or datasource, "datasource": datasource, "rows": table.num_rows, "protocol": text}
    emit(data, text.rstrip, as_json=as_json)
    try:
        loads(text, "the draft")
    except ProtocolError as error:
        _tell_unsettled(error)


Odcs = Annotated[
    bool, typer.Option("--odcs", help="The Open Data Contract Standard 3.1: the one form there is.")
]


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="A protocol file.")],
    *,
    odcs: Odcs = False,
    as_json: Json = False,
) -> None:
    """Print a protocol as a contract of another standard; what is lost is listed on standard error."""
    from pulse_blocks.protocol.loading import load
    from pulse_blocks.protocol.odcs import exported
    from pulse_blocks.protocol.writing import as_yaml

    _require(odcs)
    document, lost = exported(load(file, any_name=True))
    emit({"contract": document, "lost": lost}, lambda: as_yaml(document).rstrip(), as_json=as_json)
    _tell_lost(lost)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A contract.")],
    *,
    odcs: Odcs = False,
    target: Annotated[
        str | None,
        typer.Option(show_default=False, help="What a model predicts, where the contract is silent."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Print a contract of another standard as a protocol; what is lost or assumed is listed on standard error."""
    from pulse_blocks.protocol.loading import loads, plain
    from pulse_blocks.protocol.odcs import imported
    from pulse_blocks.protocol.writing import as_yaml

    _require(odcs)
    data, lost = imported(plain(file), target)
    text = as_yaml(data)
    emit({"protocol": text, "lost": lost}, text.rstrip, as_json=as_json)
    _tell_lost(lost)
    try:
        loads(text, "the protocol")
    except ProtocolError as error:
        _tell_unsettled(error)


def _require(odcs: bool) -> None:
    if not odcs:
        raise click.UsageError("Name the form: --odcs.")


def _tell_lost(lost: tuple[str, ...]) -> None:
    for line in lost:
        note(printable(f"lost: {line}"))


def _tell_unsettled(error: ProtocolError) -> None:
    note("To settle before it is a protocol:")
    for problem in error.problems:
        note(printable(f"  {problem}"))


_IMPACTS = ("breaking", "compatible", "cosmetic")


def _changes(found: tuple[Change, ...], counts: dict[str, int]) -> str:
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
