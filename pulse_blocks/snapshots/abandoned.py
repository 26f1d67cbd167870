"""Long work that was interrupted and that nobody has gone on with: checkpoints of fits, trials of searches."""

from __future__ import annotations

from pulse_blocks.snapshots import layout
from pulse_blocks.stores.base import Entry, Store

ABANDONED_SECONDS = 14 * 86_400.0


def abandoned(store: Store) -> list[Entry]:
    """What is kept of works whose newest object is 14 days old; a work is all that lies below one key."""
    works: dict[str, list[Entry]] = {}
    for entry in store.entries(layout.UNFINISHED):
        works.setdefault(entry.key.rpartition("/")[0], []).append(entry)
    border = store.clock() - ABANDONED_SECONDS
    return [
        entry
        for entries in works.values()
        if max(one.modified for one in entries) <= border
        for entry in entries
    ]


def drop(store: Store) -> int:
    """Delete it. What somebody has written again meanwhile stays. Returns how many objects are gone."""
    return sum(store.delete_unused(entry.key, ABANDONED_SECONDS) for entry in abandoned(store))
