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
from pulse_blocks.stores import open_store


def keep_the_ledger_small() -> State[Any]:
    """Do what each protocol's ``retention`` asks for. Failed where a protocol could not be read: its rows stay."""
    workspace = load_workspace()
    wanted, problems = retentions(workspace)
    try:
        migrate(workspace.ledger)
        with open_ledger(workspace.ledger) as ledger:
            now = dt.datetime.now(dt.UTC)
            done = maintain(ledger, open_store(workspace.store), wanted, actor(), now)
    except PulseError as error:
        return Failed(message=str(error), data=error)
    if rows := columns(done):
        create_table_artifact(rows, key="pulse-maintenance", description=sentence(done))
    for problem in problems.values():
        get_run_logger().error("%s", problem)
    if problems:
        return Failed(message=f"{sentence(done)} Not done for {', '.join(sorted(problems))}.", data=done)
    return Completed(message=sentence(done), data=done)


def sentence(done: Maintained) -> str:
    """What came of it, in one sentence."""
    moved, deleted = sum(one.rows for one in done.moved), sum(one.rows for one in done.expired)
    if not moved and not deleted:
        return "Nothing is old enough."
    return f"{moved:,} inferences were archived, {deleted:,} archived ones deleted by retention."


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
