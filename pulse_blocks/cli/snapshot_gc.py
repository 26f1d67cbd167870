"""``pulse snapshot gc``: what nothing needs, and its removal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from pulse_blocks.cli.output import Json, emit, note, size, table
from pulse_blocks.errors import PulseError

if TYPE_CHECKING:
    from pulse_blocks.settings import Workspace
    from pulse_blocks.snapshots.garbage import Deleted, Found, Roots
    from pulse_blocks.stores.base import Store

_SHOWN = 10


def gc(
    *,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete it; without this nothing is touched.")
    ] = False,
    grace: Annotated[
        str, typer.Option(metavar="DURATION", help="Leave what was written so recently: its run may go on.")
    ] = "1h",
    unused: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            show_default=False,
            help="Also take snapshots older than this (such as 90d) that no model stands on.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Find what no snapshot, model or open run needs; --delete frees it."""
    from pulse_blocks import settings
    from pulse_blocks.snapshots import garbage
    from pulse_blocks.stores import open_store

    seconds = _seconds(grace, "--grace")
    workspace = settings.load()
    store = open_store(workspace.store)
    if delete and seconds < store.least_grace:
        raise typer.BadParameter(
            f"--grace is at least {store.least_grace / 60:.0f}m for {store.uri}: "
            "what a run finds again there keeps its time for some minutes."
        )
    roots = _roots(workspace, store)
    found = garbage.find(store, roots, seconds, _seconds(unused, "--unused") if unused else None)
    deleted = garbage.delete(store, found, seconds) if delete else None
    emit(_data(found, deleted), lambda: _told(found, deleted), as_json=as_json)
    if deleted is not None and deleted.locked:
        note(f"{len(deleted.locked):,} objects are held by Object Lock and stay until it ends.")


def _roots(workspace: Workspace, store: Store) -> Roots:
    """What this workspace needs, and every other one of the project that keeps its things in the same store."""
    from pulse_blocks.ledger import migrate, open_ledger
    from pulse_blocks.lineage.needed import needed
    from pulse_blocks.lineage.node import Places
    from pulse_blocks.snapshots.garbage import Roots

    migrate(workspace.ledger)
    found = []
    for ledger_url in (workspace.ledger, *_beside(workspace, store)):
        try:
            with open_ledger(ledger_url) as ledger:
                found.append(needed(Places(ledger=ledger, store=store)))
        except PulseError as error:
            if error.code != "ledger.missing":
                raise
    return Roots(
        chunks=frozenset().union(*(one.chunks for one in found)),
        models=frozenset().union(*(one.models for one in found)),
        snapshots=frozenset().union(*(one.snapshots for one in found)),
    )


def _beside(workspace: Workspace, store: Store) -> list[str]:
    """The ledgers of the project's other workspaces with this store."""
    from pulse_blocks import settings
    from pulse_blocks.stores import open_store, same_store

    root = Path(workspace.root)
    others = (settings.load(root, {}, name) for name in settings.names(root) if name != workspace.name)
    return [other.ledger for other in others if same_store(open_store(other.store), store)]


def _seconds(text: str, option: str) -> float:
    from pulse_blocks.protocol.spec import Duration, seconds

    if text in ("0", "0s"):
        return 0.0
    try:
        return seconds(msgspec.convert(text, Duration))
    except msgspec.ValidationError:
        raise typer.BadParameter(f"{option} {text!r} is no duration: write 30m, 1h or 90d.") from None


def _data(found: Found, deleted: Deleted | None) -> dict[str, Any]:
    return {
        "deleted": deleted is not None,
        "bytes": deleted.bytes if deleted else found.bytes,
        "objects": deleted.objects if deleted else len(found.garbage),
        "snapshots": list(found.snapshots),
        "young": found.young,
        "unfinished": found.unfinished,
        "locked": deleted.locked if deleted else {},
        "garbage": [msgspec.to_builtins(one) for one in found.garbage],
    }


def _told(found: Found, deleted: Deleted | None) -> str:
    parts = []
    if found.garbage:
        kinds: dict[str, list[int]] = {}
        for one in found.garbage:
            kinds.setdefault(one.kind, []).append(one.bytes)
        rows = [(kind, f"{len(sizes):,}", size(sum(sizes))) for kind, sizes in sorted(kinds.items())]
        parts.append(table(["NOTHING NEEDS", "OBJECTS", "SIZE"], rows, right=(1, 2)))
        some = [f"  {one.key}  {size(one.bytes)}" for one in found.garbage[:_SHOWN]]
        more = len(found.garbage) - _SHOWN
        parts.append("\n".join([*some, f"  and {more:,} more" if more > 0 else ""]).rstrip())
    if found.unfinished:
        parts.append(f"{size(found.unfinished)} of writes that ended half-way.")
    if found.young:
        parts.append(f"{found.young:,} objects that nothing names are too young to be taken.")
    if deleted:
        parts.append(f"Deleted {deleted.objects:,} objects: {size(deleted.bytes)}.")
    elif found.bytes:
        parts.append(f"Nothing was touched. --delete frees {size(found.bytes)}.")
    else:
        parts.append("There is nothing to free.")
    return "\n\n".join(parts)
