"""``pulse ledger``: how long inferences are kept where, and what nobody may delete."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer

from pulse_blocks.cli import completing
from pulse_blocks.cli.grouping import commands
from pulse_blocks.cli.output import Json, emit, note, size, table

if TYPE_CHECKING:
    from pulse_blocks.archive.records import Maintained
    from pulse_blocks.ledger.holds import Hold
    from pulse_blocks.protocol.spec import RetentionSpec
    from pulse_blocks.settings import Workspace

app = commands("Retention: old inferences go to an archive in the store; legal holds keep what is there.")
Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="A model's name, such as flight-delay.", autocompletion=completing.protocols
    ),
]
Reason = Annotated[str, typer.Option(help="Why; it goes into the audit log.")]


@app.command()
def archive(
    *,
    older_than: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            show_default=False,
            help="Move what is older (such as 90d), whole days. Without it: each protocol's retention.live.",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", show_default=False, help="Only inferences of this model name."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; touch nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Move old inferences to Parquet in the store, and delete archives whose retention is over."""
    from pulse_blocks import progress, settings
    from pulse_blocks.archive.maintaining import maintain, names_in
    from pulse_blocks.ledger import migrate, open_ledger
    from pulse_blocks.ledger.actor import actor
    from pulse_blocks.stores import open_store

    workspace = settings.load()
    migrate(workspace.ledger)
    with open_ledger(workspace.ledger) as ledger, progress.listening(lambda heard: note(heard.note)):
        wanted, problems = _wanted(workspace, names_in(ledger), older_than, name)
        found = maintain(
            ledger, open_store(workspace.store), wanted, actor(), dt.datetime.now(dt.UTC), dry_run=dry_run
        )
    emit(found, lambda: render(found, dry_run=dry_run), as_json=as_json)
    for problem in problems.values():
        note(problem)
    if problems:
        raise typer.Exit(1)


@app.command()
def hold(name: Name, *, reason: Reason, as_json: Json = False) -> None:
    """Keep every inference of a model: it may be archived, but nothing is deleted until the hold is released."""
    from pulse_blocks import settings
    from pulse_blocks.ledger import migrate, open_ledger
    from pulse_blocks.ledger.actor import actor

    workspace = settings.load()
    migrate(workspace.ledger)
    with open_ledger(workspace.ledger) as ledger:
        found = ledger.hold(name, reason, actor())
    emit(found, lambda: f"{found.name} is held by {found.who}: {found.reason}", as_json=as_json)


@app.command()
def release(name: Name, *, reason: Reason, as_json: Json = False) -> None:
    """End a hold; from then on the protocol's retention counts again."""
    from pulse_blocks import settings
    from pulse_blocks.ledger import open_ledger
    from pulse_blocks.ledger.actor import actor

    with open_ledger(settings.load().ledger) as ledger:
        found = ledger.release(name, reason, actor())
    emit(found, lambda: f"{found.name} is not held any more.", as_json=as_json)


@app.command()
def holds(*, as_json: Json = False) -> None:
    """The holds in force."""
    from pulse_blocks import settings
    from pulse_blocks.ledger import open_ledger

    with open_ledger(settings.load().ledger) as ledger:
        found = ledger.holds()
    emit(found, lambda: _table(found), as_json=as_json)


def render(found: Maintained, *, dry_run: bool) -> str:
    """A sentence for each name and each thing done."""
    verb = "would go" if dry_run else "went"
    lines = [
        f"{one.name}: {one.rows:,} inferences of {len(one.days):,} days, made before {one.before}, {verb} to"
        f" the archive{'' if dry_run else f' ({len(one.files):,} files, {size(one.bytes)})'}."
        for one in found.moved
        if one.rows
    ]
    for one in found.expired:
        if one.files:
            what = "would be deleted" if dry_run else "are deleted"
            lines.append(
                f"{one.name}: {len(one.files):,} archives, {one.rows:,} inferences, {what} by retention."
            )
        lines += [f"{one.name}: {key} stays, {why}." for key, why in one.kept.items()]
    return "\n".join(lines) or "Nothing is old enough."


def _wanted(
    workspace: Workspace, names: list[str], older_than: str | None, name: str | None
) -> tuple[dict[str, RetentionSpec], dict[str, str]]:
    """The retention of each name that is asked for. An age given by hand deletes no archive."""
    from pulse_blocks.archive.maintaining import retentions
    from pulse_blocks.protocol.spec import RetentionSpec

    if older_than is not None:
        live = RetentionSpec(live=_duration(older_than))
        return dict.fromkeys([name] if name else names, live), {}
    wanted, problems = retentions(workspace)
    if name is None:
        return wanted, problems
    if name in problems:
        return {}, {name: problems[name]}
    if name not in wanted or wanted[name].live is None:
        raise typer.BadParameter(f"The protocol {name} has no retention.live: give --older-than.")
    return {name: wanted[name]}, {}


def _duration(text: str) -> str:
    import msgspec

    from pulse_blocks.protocol.spec import Duration

    try:
        return msgspec.convert(text, Duration)
    except msgspec.ValidationError:
        raise typer.BadParameter(f"--older-than {text!r} is no duration: write 90d, 24h or 30m.") from None


def _table(found: list[Hold]) -> str:
    if not found:
        return "There are no holds."
    rows = [[one.name, _time(one.at), one.who, one.reason] for one in found]
    return table(["NAME", "SINCE", "BY", "REASON"], rows)


def _time(at: int) -> str:
    from pulse_blocks.times import iso

    return iso(dt.datetime.fromtimestamp(at / 1e6, dt.UTC))
