"""``pulse snapshot restore``: older data as training data again, and the way back to the datasource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pulse_blocks.cli import completing
from pulse_blocks.cli.output import Json, emit

if TYPE_CHECKING:
    from pulse_blocks.ledger import Ledger
    from pulse_blocks.settings import Workspace


def restore(
    what: Annotated[
        str,
        typer.Argument(
            metavar="SNAPSHOT",
            help="Id of a snapshot; with --undo also a protocol's name.",
            autocompletion=completing.snapshots,
        ),
    ],
    *,
    protocol: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Whose training data it is to be, where several protocols have the snapshot.",
            autocompletion=completing.protocols,
        ),
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Let runs read the datasource again.")] = False,
    as_json: Json = False,
) -> None:
    """Make an older snapshot the training data again: runs of its protocol train on it until --undo."""
    from pulse_blocks import settings
    from pulse_blocks.ledger import migrate, open_ledger

    workspace = settings.load()
    migrate(workspace.ledger)
    with open_ledger(workspace.ledger) as ledger:
        if undo:
            _undo(workspace, ledger, what, protocol, as_json=as_json)
        else:
            _restore(workspace, ledger, what, protocol, as_json=as_json)


def _restore(
    workspace: Workspace, ledger: Ledger, snapshot_id: str, protocol: str | None, *, as_json: bool
) -> None:
    from pulse_blocks.ledger.actor import actor
    from pulse_blocks.protocol import loading
    from pulse_blocks.stages.restored import restore as point
    from pulse_blocks.stores import open_store

    named = None if protocol is None else loading.load(loading.find(workspace, protocol))
    snapshot, pointer = point(open_store(workspace.store), ledger, snapshot_id, actor(), named)
    data = {
        "protocol": pointer.name,
        "snapshot": snapshot.id,
        "rows": snapshot.rows,
        "created": snapshot.created,
    }
    said = (
        f"The next run of {pointer.name} trains on {snapshot.id} ({snapshot.rows:,} rows of {snapshot.created}).\n"
        f"Back to the datasource: pulse snapshot restore {pointer.name} --undo"
    )
    emit(data, lambda: said, as_json=as_json)


def _undo(workspace: Workspace, ledger: Ledger, what: str, protocol: str | None, *, as_json: bool) -> None:
    from pulse_blocks.ledger.actor import actor

    name = _restored_for(workspace, ledger, what, protocol)
    before = ledger.undo_restore(name, actor())
    undone = before.snapshot if before else None
    said = (
        f"Runs of {name} read the datasource again (before: {undone})."
        if undone
        else f"Nothing was restored: runs of {name} read the datasource."
    )
    emit({"protocol": name, "snapshot": None, "undone": undone}, lambda: said, as_json=as_json)


def _restored_for(workspace: Workspace, ledger: Ledger, what: str, protocol: str | None) -> str:
    """The protocol whose restore is to be undone: by its name, or by its snapshot."""
    from pulse_blocks.protocol import loading
    from pulse_blocks.snapshots.reading import load
    from pulse_blocks.stages.restored import only, protocols_of
    from pulse_blocks.stores import open_store

    if protocol is not None or not what.startswith("snap_"):
        loading.find(workspace, protocol or what)
        return protocol or what
    snapshot = load(open_store(workspace.store), what)
    training = [name for name, one in ledger.restored_snapshots().items() if one == snapshot.id]
    return only(snapshot.id, sorted(training) or protocols_of(ledger, snapshot))
