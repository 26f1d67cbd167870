"""Finished trials of an unfinished search, kept in the store: one that was killed goes on from there."""

from __future__ import annotations

import msgspec

from pulse_blocks.formats import Numbered, require_known
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Snapshot, ValidatedData, from_json, to_json
from pulse_blocks.snapshots.sealing import holds, seal
from pulse_blocks.stores.base import Store
from pulse_blocks.training import unfinished
from pulse_blocks.training.search.trial import Trial, Tried, batch_size

_FORMAT = 1


class Results:
    """What trials of the search with this key came to, each in an object of its own."""

    def __init__(self, store: Store, key: str) -> None:
        self._store, self._search = store, key

    def of(self, trial: Trial) -> Tried | None:
        """How this trial went, if it did; one of other parameters, or damaged, does not count.

        Raises PulseError ``training.newer`` for a record that a later version of Pulse has written.
        """
        if self._store.size(self._key(trial.number)) is None:
            return None
        data = self._store.get(self._key(trial.number))
        if not holds(data):
            return None
        place, version = (
            self._store.locate(self._key(trial.number)),
            msgspec.json.decode(data, type=Numbered).format,
        )
        require_known("training.newer", f"The trial {place}", version, _FORMAT)
        found = from_json(data, Tried)
        return found if found.params == trial.params else None

    def keep(self, tried: Tried) -> None:
        """Remember how a trial went."""
        self._store.put(self._key(tried.number), seal(to_json(tried)))

    def remove(self) -> None:
        """The search is done with."""
        unfinished.remove(self._store, self._search)

    def _key(self, number: int) -> str:
        return f"{unfinished.PREFIX}{self._search}/{number:05d}.json"


def results_of(protocol: Protocol, snapshot: Snapshot, validated: ValidatedData, store: Store) -> Results:
    """Those of a search that is decided by the same: rows, protocol, versions, trials at a time."""
    return Results(store, unfinished.search_key(protocol, snapshot, validated, batch_size(protocol)))
