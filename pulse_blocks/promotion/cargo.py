"""The files of a model that goes from one store to another: each checked where it leaves and where it arrives."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from pulse_blocks import progress
from pulse_blocks.bundle import LoadedBundle
from pulse_blocks.errors import PulseError
from pulse_blocks.records import Record, Snapshot, StoredModel, ValidatedData
from pulse_blocks.snapshots import layout
from pulse_blocks.snapshots.sealing import holds
from pulse_blocks.stores.base import Store


class Item(Record, frozen=True, kw_only=True):
    """A file. Without ``sha256`` it is one that is sealed with a checksum of its own."""

    key: str
    sha256: str | None = None


def beside(loaded: LoadedBundle, stored: StoredModel, snapshot: Snapshot) -> Iterator[Item]:
    """What a served model and its drift check read, beside bundle and manifest."""
    yield Item(key=loaded.bundle.text, sha256=loaded.bundle.text_sha256)
    yield Item(key=stored.smoke)
    yield Item(key=layout.profile_key(snapshot.id), sha256=snapshot.profile_sha256)
    yield Item(key=layout.sample_key(snapshot.id), sha256=snapshot.sample_sha256)


def verdict(store: Store, validated: ValidatedData, *, rows: bool) -> Iterator[Item]:
    """The validation report, and with ``rows`` those that are in quarantine."""
    from pulse_blocks.validation import load_report

    yield Item(key=validated.report)
    if rows and validated.quarantine is not None:
        sha256 = load_report(store, validated).quarantine_sha256
        yield Item(key=validated.quarantine, sha256=sha256)


def chunks(snapshot: Snapshot) -> Iterator[Item]:
    """The rows themselves."""
    for chunk in snapshot.chunks:
        yield Item(key=layout.chunk_key(chunk.sha256), sha256=chunk.sha256)


def carry(source: Store, target: Store, items: list[Item], what: str) -> int:
    """Copy files; returns the bytes that are new in ``target``. What is there already, and whole, is left alone.

    Raises PulseError ``promotion.damaged`` for a file that is not what it was, here or there.
    """
    new = 0
    for done, item in enumerate(items, 1):
        data = source.get(item.key)
        _require_whole(source, item, data, "has been changed")
        new += target.put(item.key, data)
        _require_whole(target, item, target.get(item.key), "did not arrive as it was sent")
        progress.report("promote", done, len(items), what)
    return new


def claim(source: Store, target: Store, item: Item) -> None:
    """Copy a file that is written once and never replaced. Raises PulseError ``promotion.other_file`` for another."""
    key, data = item.key, source.get(item.key)
    _require_whole(source, item, data, "has been changed")
    if not target.create(key, data) and target.get(key) != data:
        raise PulseError(
            "promotion.other_file",
            f"{target.locate(key)} is there already, and it is not the one of {source.locate(key)}.",
            "The same model was trained in both workspaces: promote the one that is there.",
        )
    _require_whole(target, item, target.get(key), "did not arrive as it was sent")


def _require_whole(store: Store, item: Item, data: bytes, reason: str) -> None:
    sound = hashlib.sha256(data).hexdigest() == item.sha256 if item.sha256 else holds(data)
    if not sound:
        raise PulseError(
            "promotion.damaged",
            f"{store.locate(item.key)} {reason}: it differs from its checksum.",
            "No pointer was moved. pulse audit verify says what else does not hold there.",
        )
