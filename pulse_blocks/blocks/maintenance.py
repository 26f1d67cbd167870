"""Maintenance of the ledger as Prefect sees it: a sentence, and a table of what went where."""

from __future__ import annotations

import datetime as dt
from typing import Any

from prefect import State, get_run_logger
from prefect.artifacts import create_table_artifact
from prefect.states import Completed, Failed

from pulse_blocks.archive.maintaining import maintain, retentions
from pulse_blocks.archive.records import Maintained
from pulse_blocks.blocks.workspace import load_workspace
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import migrate, open_ledger
from pulse_blocks.ledger.actor import actor
from pulse_blocks.snapshots import abandoned
from pulse_blocks.stores import open_store


def keep_the_ledger_small() -> State[Any]:
    """Do what each protocol's ``retention`` asks for. Failed where a protocol could not be read: its rows stay."""
    workspace = load_workspace()
    wanted, problems = retentions(workspace)
    try:
        migrate(workspace.ledger)
        with open_ledger(workspace.ledger) as ledger:
            now = dt.datetime.now(dt.UTC)
            store = open_store(workspace.store)
            done = maintain(ledger, store, wanted, actor(), now)
            unfinished = abandoned.drop(store)
    except PulseError as error:
        return Failed(message=str(error), data=error)
    if rows := columns(done):
        create_table_artifact(rows, key="pulse-maintenance", description=sentence(done, unfinished))
    for problem in problems.values():
        get_run_logger().error("%s", problem)
    said = sentence(done, unfinished)
    if problems:
        return Failed(message=f"{said} Not done for {', '.join(sorted(problems))}.", data=done)
    return Completed(message=said, data=done)


def sentence(done: Maintained, unfinished: int = 0) -> str:
    """What came of it, in one sentence; ``unfinished`` counts what is gone of training that was interrupted."""
    moved, deleted = sum(one.rows for one in done.moved), sum(one.rows for one in done.expired)
    found = []
    if moved or deleted:
        found.append(f"{moved:,} inferences were archived, {deleted:,} archived ones deleted by retention.")
    if unfinished:
        found.append(f"{unfinished:,} objects of interrupted training were deleted after 14 days.")
    return " ".join(found) or "Nothing is old enough."


def columns(done: Maintained) -> list[dict[str, Any]]:
    """A row for each name that something was done for."""
    expired = {one.name: one for one in done.expired}
    found = []
    for one in done.moved:
        gone = expired.get(one.name)
        if one.rows or (gone and (gone.rows or gone.kept)):
            found.append(
                {
                    "name": one.name,
                    "archived": one.rows,
                    "files": len(one.files),
                    "bytes": one.bytes,
                    "deleted": gone.rows if gone else 0,
                    "kept back": len(gone.kept) if gone else 0,
                }
            )
    return found
