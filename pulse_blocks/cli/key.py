"""``pulse key``: who may ask the runtime for what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import click
import typer

from pulse_blocks.cli.grouping import commands
from pulse_blocks.cli.output import Json, emit, note, table

if TYPE_CHECKING:
    from pulse_blocks.ledger.keys import Key, Scope

# Those of the ledger, which a command that only prints its help need not load.
SCOPES = ("predict", "feedback", "read", "admin")

app = commands("API keys of the runtime. A key is shown once, when it is made; only a hash of it is kept.")


@app.command()
def create(
    *,
    scope: Annotated[
        list[str],
        typer.Option(
            click_type=click.Choice(SCOPES),
            help="What it may do; may be given several times. admin may do everything.",
        ),
    ],
    name: Annotated[str, typer.Option(help="Whose it is, or what for.")],
    as_json: Json = False,
) -> None:
    """Make a key and print it: the only time that it can be seen."""
    from pulse_blocks import settings
    from pulse_blocks.ledger import migrate, open_ledger
    from pulse_blocks.ledger.actor import actor

    workspace = settings.load()
    migrate(workspace.ledger)
    with open_ledger(workspace.ledger) as ledger:
        key, token = ledger.create_key(name=name, scopes=cast("list[Scope]", scope), who=actor())
    emit({"id": key.id, "name": key.name, "scopes": key.scopes, "key": token}, lambda: token, as_json=as_json)
    note(f"Key {key.id} ({key.name}) may: {', '.join(key.scopes)}. Keep it now: it is not shown again.")


@app.command("list")
def list_keys(*, as_json: Json = False) -> None:
    """All keys, revoked ones too."""
    from pulse_blocks import settings
    from pulse_blocks.ledger import open_ledger

    with open_ledger(settings.load().ledger) as ledger:
        keys = ledger.api_keys()
    emit(keys, lambda: render(keys), as_json=as_json)


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(help="The id or the name of a key.")], *, as_json: Json = False
) -> None:
    """Refuse a key from now on; running runtimes do within a second."""
    from pulse_blocks import settings
    from pulse_blocks.ledger import open_ledger
    from pulse_blocks.ledger.actor import actor

    with open_ledger(settings.load().ledger) as ledger:
        revoked = ledger.revoke_key(key, who=actor())
    emit(revoked, lambda: f"Key {revoked.id} ({revoked.name}) is refused from now on.", as_json=as_json)


def render(keys: list[Key]) -> str:
    """A line for each key."""
    if not keys:
        return "There are no keys. Make one: pulse key create --scope predict --name NAME"
    rows = [
        [one.id, one.name, ",".join(one.scopes), _time(one.created), one.who, _time(one.revoked)]
        for one in keys
    ]
    return table(["ID", "NAME", "SCOPES", "CREATED", "BY", "REVOKED"], rows)


def _time(at: int | None) -> str:
    import datetime as dt

    from pulse_blocks.times import iso

    return "" if at is None else iso(dt.datetime.fromtimestamp(at / 1e6, dt.UTC))
