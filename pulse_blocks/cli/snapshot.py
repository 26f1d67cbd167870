"""``pulse snapshot``: the immutable rows that models stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pulse_blocks.cli import completing, snapshot_data, snapshot_gc, snapshot_restore
from pulse_blocks.cli.grouping import commands
from pulse_blocks.cli.output import Json, emit, facts, note, size, table
from pulse_blocks.errors import PulseError

if TYPE_CHECKING:
    from pulse_blocks.records import Snapshot
    from pulse_blocks.snapshots.verify import VerifyReport
    from pulse_blocks.stores.base import Store

app = commands("Make, compare, verify and restore snapshots, and free what nothing needs.")
app.command("create")(snapshot_data.create)


@app.command("list")
def list_(*, as_json: Json = False) -> None:
    """List the snapshots, the newest first."""
    from pulse_blocks.snapshots.reading import all_snapshots

    found = list(all_snapshots(_store()))
    emit([_summary(snapshot) for snapshot in found], lambda: _listing(found), as_json=as_json)


@app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", autocompletion=completing.snapshots)],
    *,
    as_json: Json = False,
) -> None:
    """Show a snapshot: where it comes from, its rows, its columns."""
    from pulse_blocks.records import as_dict
    from pulse_blocks.snapshots.reading import load

    snapshot = load(_store(), id_)
    data = as_dict(snapshot)
    emit({"snapshot": data.pop("id"), **data}, lambda: _shown(snapshot), as_json=as_json)


@app.command()
def verify(
    ids: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ID]...",
            show_default=False,
            help="Without any: all snapshots.",
            autocompletion=completing.snapshots,
        ),
    ] = None,
    *,
    values: Annotated[
        bool,
        typer.Option("--values", help="Decode every chunk too, and compare the values with their digests."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Read every byte again and compare it with its hash. The exit code is 1 where one differs."""
    from pulse_blocks.snapshots.reading import all_snapshots, load

    store = _store()
    snapshots = [load(store, one) for one in ids] if ids else list(all_snapshots(store))
    reports: list[dict[str, Any]] = []
    for snapshot in snapshots:
        report = _verified(store, snapshot, values=values)
        reports.append({"snapshot": snapshot.id, **_plain(report)})
    emit(reports, lambda: "\n".join(map(_verdict, reports)) or "No snapshots.", as_json=as_json)
    if bad := [report["snapshot"] for report in reports if not report["ok"]]:
        note(f"{len(bad)} of {len(reports)} snapshots do not hold: {', '.join(bad)}")
        raise typer.Exit(1)


app.command("diff")(snapshot_data.diff)
app.command("restore")(snapshot_restore.restore)
app.command("gc")(snapshot_gc.gc)


def _store() -> Store:
    from pulse_blocks import settings
    from pulse_blocks.stores import open_store

    return open_store(settings.load().store)


def _verified(store: Store, snapshot: Snapshot, *, values: bool) -> VerifyReport:
    """Where its chunks are by reference the ledger knows where; a store without a ledger has its own."""
    from pulse_blocks import settings
    from pulse_blocks.ledger import open_ledger
    from pulse_blocks.lineage.arrivals import verify_snapshot
    from pulse_blocks.lineage.node import Places
    from pulse_blocks.snapshots.verify import verify

    try:
        ledger = open_ledger(settings.load().ledger)
    except PulseError as error:
        if error.code != "ledger.missing":
            raise
        return verify(store, snapshot, values=values)
    with ledger:
        return verify_snapshot(Places(ledger=ledger, store=store), snapshot, values=values)


def _plain(report: Any) -> dict[str, Any]:
    import msgspec

    return dict(msgspec.to_builtins(report))


def _summary(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "snapshot": snapshot.id,
        "hash": snapshot.hash,
        "protocol": f"{snapshot.protocol.name}@{snapshot.protocol.version}",
        "datasource": snapshot.datasource,
        "created": snapshot.created,
        "rows": snapshot.rows,
        "bytes": snapshot.bytes,
        "chunks": len(snapshot.chunks),
    }


def _listing(found: list[Snapshot]) -> str:
    if not found:
        return "No snapshots. A run makes one: pulse run NAME."
    rows = [
        (one.id, one.protocol.name, one.datasource, one.created, f"{one.rows:,}", size(one.bytes))
        for one in found
    ]
    return table(["SNAPSHOT", "PROTOCOL", "DATASOURCE", "CREATED", "ROWS", "SIZE"], rows, right=(4, 5))


def _shown(snapshot: Snapshot) -> str:
    window = f"{snapshot.window.start} to {snapshot.window.end}" if snapshot.window else "all rows"
    head = facts(
        [
            ("Snapshot", snapshot.id),
            ("Hash", f"sha256:{snapshot.hash}"),
            ("Protocol", f"{snapshot.protocol.name} {snapshot.protocol.version}"),
            ("Datasource", snapshot.datasource),
            ("Window", window),
            ("Created", snapshot.created),
            ("Rows", f"{snapshot.rows:,}"),
            ("Size", f"{size(snapshot.bytes)} in {len(snapshot.chunks)} chunks"),
        ]
    )
    columns = table(
        ["COLUMN", "TYPE", "NULLABLE"],
        [(column.name, column.type, "yes" if column.nullable else "no") for column in snapshot.columns],
    )
    return f"{head}\n\n{columns}"


def _verdict(report: dict[str, Any]) -> str:
    if report["ok"]:
        return f"{report['snapshot']}: holds, {report['chunks']} chunks, {size(report['bytes'])}"
    return "\n".join(f"{report['snapshot']}: {problem}" for problem in report["problems"])
