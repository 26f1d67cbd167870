"""``pulse lineage``: where does it come from, and what stands on it?"""

from __future__ import annotations

import datetime as dt
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from pulse_blocks.cli import completing
from pulse_blocks.cli.output import Json, emit, note, to_json

if TYPE_CHECKING:
    from pulse_blocks.lineage import Node
    from pulse_blocks.settings import Workspace


def lineage(
    ids: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ID | diff MODEL MODEL",
            show_default=False,
            help="Of an inference, model, run, snapshot or scoring, or a unique prefix; of a drift check, a regression"
            " or a restore; a datasource; a model's name.",
            autocompletion=completing.anything,
        ),
    ] = None,
    *,
    inferences: Annotated[
        bool, typer.Option("--inferences", help="The ids of all inferences that stand on it, one a line.")
    ] = False,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="With a model's name: who was champion then (2026-01-15T02:00:00Z)."
        ),
    ] = None,
    rows: Annotated[
        str | None,
        typer.Option(
            metavar="CONDITION",
            help="What stands on these rows: an SQL condition such as \"flight_id in ('UA-1545')\".",
        ),
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the tree as Markdown.")] = False,
    as_json: Json = False,
) -> None:
    """Say where a prediction comes from, what stands on data, or how two models differ."""
    from pulse_blocks import settings

    asked = ids or []
    _check_usage(asked, inferences=inferences, at=at, rows=rows)
    workspace = settings.load()
    if inferences:
        _stream(workspace, asked[0], as_json=as_json)
    elif asked[:1] == ["diff"]:
        _diff(workspace, asked[1], asked[2], as_json=as_json)
    else:
        node = _answer(workspace, asked, at, rows)
        emit(node, lambda: _rendered(node, markdown=markdown), as_json=as_json)


def _check_usage(asked: list[str], *, inferences: bool, at: str | None, rows: str | None) -> None:
    if sum((inferences, at is not None, rows is not None)) > 1:
        raise typer.BadParameter("--inferences, --at and --rows are three different questions: give one.")
    if asked[:1] == ["diff"]:
        if len(asked) != 3:
            raise typer.BadParameter("diff compares two models: pulse lineage diff MODEL MODEL.")
        if inferences or at is not None or rows is not None:
            raise typer.BadParameter("diff takes no --inferences, --at or --rows.")
    elif len(asked) > 1 or (not asked and rows is None):
        raise typer.BadParameter("Give one id.")


def _answer(workspace: Workspace, asked: list[str], at: str | None, rows: str | None) -> Node:
    from pulse_blocks.lineage import trace, trace_at, trace_rows

    if rows is not None:
        return trace_rows(workspace, rows, *asked)
    if at is not None:
        return trace_at(workspace, asked[0], _time(at))
    return trace(workspace, asked[0])


def _time(text: str) -> dt.datetime:
    """A time in ISO 8601; without a zone it is UTC."""
    try:
        time = dt.datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time: write 2026-01-15T02:00:00Z.") from None
    return time if time.tzinfo else time.replace(tzinfo=dt.UTC)


def _rendered(node: Node, *, markdown: bool) -> str:
    if markdown:
        from pulse_blocks.lineage.markdown import render
    else:
        from pulse_blocks.lineage.text import render
    return render(node)


def _diff(workspace: Workspace, before: str, after: str, *, as_json: bool) -> None:
    from pulse_blocks.ledger import open_ledger
    from pulse_blocks.lineage.difference import difference
    from pulse_blocks.lineage.difference_text import render
    from pulse_blocks.lineage.node import Places
    from pulse_blocks.stores import open_store

    with open_ledger(workspace.ledger) as ledger:
        found = difference(Places(ledger=ledger, store=open_store(workspace.store)), before, after)
    emit(found, lambda: render(found), as_json=as_json)


def _stream(workspace: Workspace, asked: str, *, as_json: bool) -> None:
    """Ids as they are read: a line each, or one JSON array."""
    from pulse_blocks.ledger import open_ledger
    from pulse_blocks.lineage import deleted_on, inferences_on
    from pulse_blocks.lineage.node import Places
    from pulse_blocks.stores import open_store

    with open_ledger(workspace.ledger) as ledger:
        places = Places(ledger=ledger, store=open_store(workspace.store))
        found = inferences_on(places, asked)
        before, between, after = ("[\n  ", ",\n  ", "\n]\n") if as_json else ("", "\n", "\n")
        first = next(found, None)
        if lost := deleted_on(places, asked):
            note(f"{lost:,} more inferences stood on it: retention has deleted them.")
        if first is None:
            sys.stdout.write("[]\n" if as_json else "")
            return
        sys.stdout.write(before + _one(first, as_json=as_json))
        for one in found:
            sys.stdout.write(between + _one(one, as_json=as_json))
        sys.stdout.write(after)


def _one(inference: str, *, as_json: bool) -> str:
    return to_json(inference) if as_json else inference
