"""Files of scorings that were killed and never gone on with: nothing names them, and in the end they go."""

from __future__ import annotations

from pulse_blocks.ledger import Ledger
from pulse_blocks.scoring.parts import folder_of
from pulse_blocks.stores import Store

# Far longer than any scoring takes, so that a file of one that is still at work is never taken.
LEFT_SECONDS = 30 * 24 * 3600.0


def remove_leftovers(store: Store, ledger: Ledger, name: str, seconds: float = LEFT_SECONDS) -> int:
    """Remove the files of a name's scorings that the ledger does not name and that are so old; says how many."""
    now = store.clock()
    old = [entry.key for entry in store.entries(folder_of(name)) if now - entry.modified >= seconds]
    if not old:
        return 0
    # Asked after the files were listed: what was named in between is among them.
    named = {refused.key for scoring in ledger.scorings(name) for refused in scoring.details.refused_files}
    for scoring in ledger.scorings(name):
        named.update(file.key for file in ledger.inference_files(scoring.id))
    return sum(store.delete_unused(key, seconds) for key in old if key not in named)
