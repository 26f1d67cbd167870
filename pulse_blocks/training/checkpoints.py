"""Where a long fit has come to, kept in the store: a run that was killed goes on from there, on any machine."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pulse_blocks.errors import PulseError
from pulse_blocks.formats import Numbered, require_known
from pulse_blocks.records import from_json, to_json
from pulse_blocks.snapshots.sealing import holds, seal
from pulse_blocks.stores.base import Store
from pulse_blocks.training.growth import Grown
from pulse_blocks.training.unfinished import PREFIX

_FORMAT = 1


class Checkpoints:
    """The states of one fit below ``unfinished/KEY/``, each written whole. Without ``keeps`` they are only read."""

    def __init__(self, store: Store, key: str, *, keeps: bool = True) -> None:
        self.key = key
        self._store, self._prefix, self._keeps = store, f"{PREFIX}{key}/", keeps

    def latest(self) -> Grown | None:
        """The latest state that is whole; a damaged one is as if it were not there.

        Raises PulseError ``training.newer`` for one that a later version of Pulse has written.
        """
        for key in reversed(list(self._store.keys(self._prefix))):
            try:
                data = self._store.get(key)
            except PulseError as error:
                if error.code != "store.missing":
                    raise
                # Another run of the same fit has gone on, or come to its end.
                continue
            if holds(data):
                found = msgspec.json.decode(data, type=Numbered).format
                require_known("training.newer", f"The checkpoint {self._store.locate(key)}", found, _FORMAT)
                return from_json(data, Grown)
        return None

    def save(self, state: Grown) -> None:
        """Keep this state instead of those before it."""
        if self._keeps:
            before = list(self._store.keys(self._prefix))
            key = f"{self._prefix}{state.rounds:08d}.json"
            self._store.put(key, seal(to_json(state)))
            self._drop(one for one in before if one != key)

    def _drop(self, keys: Iterable[str]) -> None:
        for key in list(keys):
            self._store.delete(key)
