"""Retention of archives: what is old enough is deleted, unless a legal hold or Object Lock keeps it."""

from __future__ import annotations

import datetime as dt

from pulse_blocks.archive.moving import folder_of
from pulse_blocks.archive.records import Expired
from pulse_blocks.errors import PulseError
from pulse_blocks.ids import first_inference_id
from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.inference_files import InferenceFile
from pulse_blocks.stores import Store
from pulse_blocks.times import iso

# Far longer than a file is written before the ledger names it.
LEFT_SECONDS = 24 * 3600.0


def expire(
    ledger: Ledger, store: Store, name: str, before: dt.datetime, who: str, *, dry_run: bool = False
) -> Expired:
    """Delete the archives of a name whose inferences were all made before a time.

    The ledger says so first: a file that is still there when this is killed goes with the next call. Files of batch
    scorings stay.
    """
    border = first_inference_id(before)
    held = next((one for one in ledger.holds() if one.name == name), None)
    gone: list[InferenceFile] = []
    kept: dict[str, str] = {}
    for file in _archives(ledger, name):
        if file.deleted is not None or file.last_id >= border:
            continue
        if held is not None:
            kept[file.key] = f"held by {held.who}: {held.reason}"
        elif until := store.locked_until(file.key):
            kept[file.key] = f"held by Object Lock until {until}"
        elif dry_run or ledger.note_deleted(name, file, who):
            gone.append(file)
        else:
            kept[file.key] = "a hold has just been placed"
    if not dry_run:
        clear(ledger, store, name)
    return Expired(
        name=name,
        before=iso(before),
        rows=sum(file.rows for file in gone),
        files=tuple(file.key for file in gone),
        kept=kept,
    )


def clear(ledger: Ledger, store: Store, name: str, seconds: float = LEFT_SECONDS) -> int:
    """Remove files that the ledger calls deleted, and so old ones of killed moves; says how many."""
    there = list(store.keys(folder_of(name)))
    # Asked after the files were listed: what was named in between is among them.
    known = {file.key: file.deleted for file in _archives(ledger, name)}
    removed = 0
    for key in there:
        if key not in known:
            removed += store.delete_unused(key, seconds)
        elif known[key] is not None:
            try:
                store.delete(key)
            except PulseError as error:
                if error.code != "store.locked":
                    raise
                continue
            removed += 1
    return removed


def _archives(ledger: Ledger, name: str) -> list[InferenceFile]:
    folder = folder_of(name)
    return [file for file in ledger.inference_files() if file.key.startswith(folder)]
