"""``pulse snapshot create`` and ``diff``: new data, and what is new about them."""

from __future__ import annotations

import contextlib
import datetime as dt
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pulse_blocks.cli import completing
from pulse_blocks.cli.output import Json, emit, facts, size, table

if TYPE_CHECKING:
    from pulse_blocks.records import SnapshotRef
    from pulse_blocks.settings import Workspace
    from pulse_blocks.snapshots.diff import Example, SnapshotDiff

Day = Annotated[
    dt.datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="First day of the data (UTC); else the protocol's window."),
]
LastDay = Annotated[
    dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day after the last one.")
]
_SHOWN_CHARACTERS = 40


def create(
    name: Annotated[
        str,
        typer.Argument(
            help="Name of a protocol: a file in protocols/, without .yaml.",
            autocompletion=completing.protocols,
        ),
    ],
    *,
    start: Day = None,
    end: LastDay = None,
    as_json: Json = False,
) -> None:
    """Make a snapshot of a protocol's data without training on it. Unchanged data cost no bytes."""
    from pulse_blocks import settings
    from pulse_blocks.stages.ingest import ingest
    from pulse_blocks.stages.snapshot import snapshot

    began = time.monotonic()
    context = _context(settings.load(), name, start, end)
    with _progress():
        taken = snapshot(ingest(context.window, context), context)
    data = {
        "snapshot": taken.id,
        "hash": taken.hash,
        "protocol": context.protocol.name,
        "datasource": taken.datasource,
        "rows": taken.rows,
        "bytes": taken.bytes,
        "new_bytes": taken.new_bytes,
        "existed": taken.existed,
        "created": taken.created,
        "seconds": round(time.monotonic() - began, 3),
    }
    emit(data, lambda: _made(taken), as_json=as_json)


def diff(
    before: Annotated[
        str,
        typer.Argument(
            metavar="BEFORE", help="Id of a snapshot, or its beginning.", autocompletion=completing.snapshots
        ),
    ],
    after: Annotated[
        str, typer.Argument(metavar="AFTER", help="Id of another one.", autocompletion=completing.snapshots)
    ],
    *,
    as_json: Json = False,
) -> None:
    """Say which rows were added, removed and changed between two snapshots, and how the columns differ."""
    from pulse_blocks import settings
    from pulse_blocks.snapshots.diff import diff as compare
    from pulse_blocks.snapshots.reading import load
    from pulse_blocks.stores import open_store

    store = open_store(settings.load().store)
    old, new = load(store, before), load(store, after)
    with _progress():
        found = compare(store, old, new)
    emit(found, lambda: _compared(found), as_json=as_json)


def _context(workspace: Workspace, name: str, start: dt.datetime | None, end: dt.datetime | None) -> Any:
    from pulse_blocks.cli.prefect_blocks import with_block
    from pulse_blocks.protocol import loading
    from pulse_blocks.protocol.window import resolve
    from pulse_blocks.stages.context import Context

    protocol = loading.load(loading.find(workspace, name))
    workspace = with_block(workspace, protocol.source.datasource)
    since, until = (day.date().isoformat() if day else None for day in (start, end))
    window = resolve(protocol, since, until, dt.datetime.now(dt.UTC))
    return Context(protocol=protocol, workspace=workspace, window=window, attempt="")


@contextlib.contextmanager
def _progress() -> Iterator[None]:
    """How far it is, on one line of a terminal; nothing where standard error is none."""
    from pulse_blocks import progress

    if not sys.stderr.isatty():
        yield
        return

    def hear(heard: progress.Progress) -> None:
        sys.stderr.write(f"\r\x1b[2K{heard.stage}: {heard.note}")

    with progress.listening(hear):
        try:
            yield
        finally:
            sys.stderr.write("\r\x1b[2K")


def _made(taken: SnapshotRef) -> str:
    head = facts(
        [
            ("Snapshot", taken.id),
            ("Hash", f"sha256:{taken.hash}"),
            ("Datasource", taken.datasource),
            ("Rows", f"{taken.rows:,}"),
            ("Size", size(taken.bytes)),
            ("New", size(taken.new_bytes)),
        ]
    )
    return f"{head}\n\nThe data are unchanged: this snapshot was there already." if taken.existed else head


def _compared(found: SnapshotDiff) -> str:
    by = f"by {', '.join(found.key)}" if found.key else "as whole rows, since they have no key in common"
    counts = table(
        ["ROWS", "COUNT"],
        [(name, f"{getattr(found, name):,}") for name in ("added", "removed", "changed")],
        right=(1,),
    )
    parts = [f"{found.before} → {found.after}, compared {by}", counts]
    if found.schema:
        lines = [(one.column, one.before or "-", one.after or "-") for one in found.schema]
        parts.append(table(["COLUMN", "BEFORE", "AFTER"], lines))
    for kind, examples in found.examples.items():
        if examples:
            parts.append("\n".join([f"{kind}, for example:", *(f"  {_example(one)}" for one in examples)]))
    parts.append(f"{found.shared:,} chunks are shared and were not read; {found.read:,} were.")
    return "\n\n".join(parts)


def _example(one: Example) -> str:
    key = ", ".join(f"{name}={_cell(value)}" for name, value in one.key.items())
    if one.before is None or one.after is None:
        return key
    changes = (f"{name} {_cell(one.before[name])} → {_cell(one.after[name])}" for name in one.after)
    return f"{key}: {', '.join(changes)}"


def _cell(value: object) -> str:
    text = "null" if value is None else str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 3]}..."
