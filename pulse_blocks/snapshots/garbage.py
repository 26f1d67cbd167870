"""What a store holds that nothing needs: found first, deleted only where asked.

Never taken is what a manifest names, what the ledger or a bundle stands on, and what was written or found again within
the grace time, since its writer may not have come to its manifest yet. Interrupted training is kept for 14 days.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from typing import Literal

from pulse_blocks import progress
from pulse_blocks.errors import PulseError
from pulse_blocks.records import Record, Snapshot
from pulse_blocks.snapshots import layout
from pulse_blocks.snapshots.abandoned import ABANDONED_SECONDS, abandoned
from pulse_blocks.snapshots.reading import load
from pulse_blocks.stores.base import Entry, Store

GRACE_SECONDS = 3_600.0
Kind = Literal["chunk", "part of a snapshot", "model", "snapshot", "unfinished training"]
_MODELS = "models/"


class Roots(Record, frozen=True, kw_only=True):
    """What must stay beside that which manifests name: sha256 of chunks and of model texts, ids of snapshots."""

    chunks: frozenset[str]
    models: frozenset[str]
    snapshots: frozenset[str]


class Garbage(Record, frozen=True, kw_only=True):
    """One object that nothing needs."""

    kind: Kind
    key: str
    bytes: int


class Found(Record, frozen=True, kw_only=True):
    """What there is to delete. ``young`` counts objects that nothing names, but that are within the grace time.

    ``unfinished`` are the bytes of writes that ended half-way. ``snapshots`` are those that go as a whole.
    """

    garbage: tuple[Garbage, ...]
    snapshots: tuple[str, ...]
    young: int
    unfinished: int

    @property
    def bytes(self) -> int:
        """All that would be freed."""
        return self.unfinished + sum(one.bytes for one in self.garbage)


class Deleted(Record, frozen=True, kw_only=True):
    """What has been deleted, and what could not be: keys that Object Lock holds, with the time of its end."""

    objects: int
    bytes: int
    locked: dict[str, str]


def find(store: Store, roots: Roots, grace: float = GRACE_SECONDS, unused: float | None = None) -> Found:
    """Look for what nothing needs. With ``unused`` (seconds) snapshots go too that are older and not in ``roots``.

    The newest snapshot of each protocol stays. Raises PulseError("snapshot.manifest") where a manifest cannot be
    read, since nobody knows then what it names.
    """
    # Ages are taken before manifests are read: a chunk that is old now and named by none of them has no writer.
    entries = [*store.entries(layout.CHUNKS), *store.entries(layout.SNAPSHOTS), *store.entries(_MODELS)]
    now = store.clock()
    held = {snapshot.id: snapshot for snapshot in _snapshots(store, entries)}
    going = _unused(held, roots, now, unused) if unused is not None else frozenset()
    named = set(roots.chunks)
    for snapshot in held.values():
        if snapshot.id not in going:
            named.update(chunk.sha256 for chunk in snapshot.chunks)
    garbage, young = [], 0
    for entry in entries:
        kind = _kind(entry.key, named, roots, held.keys(), going)
        if kind is None:
            continue
        if max(now - entry.modified, 0.0) < grace:  # a server tells its time in whole seconds
            young += 1
        else:
            garbage.append(Garbage(kind=kind, key=entry.key, bytes=entry.size))
    garbage += [
        Garbage(kind="unfinished training", key=entry.key, bytes=entry.size) for entry in abandoned(store)
    ]
    return Found(
        garbage=tuple(sorted(garbage, key=_order)),
        snapshots=tuple(sorted(going)),
        young=young,
        unfinished=store.unfinished(grace, delete=False),
    )


def delete(store: Store, found: Found, grace: float = GRACE_SECONDS) -> Deleted:
    """Delete what was found, manifests first. What somebody has needed meanwhile stays."""
    count = freed = 0
    locked: dict[str, str] = {}
    for done, one in enumerate(found.garbage, 1):
        if until := store.locked_until(one.key):
            locked[one.key] = until
        elif store.delete_unused(one.key, _age(one, grace)):
            count += 1
            freed += one.bytes
        progress.report("gc", done, len(found.garbage), one.key)
    return Deleted(objects=count, bytes=freed + store.unfinished(grace, delete=True), locked=locked)


def _age(one: Garbage, grace: float) -> float:
    """For how long nobody may have written it."""
    return ABANDONED_SECONDS if one.kind == "unfinished training" else grace


def _snapshots(store: Store, entries: list[Entry]) -> Iterator[Snapshot]:
    for entry in entries:
        parts = entry.key.split("/")
        if parts[0] == "snapshots" and len(parts) == 3 and parts[2] == layout.MANIFEST:
            if not layout.is_id(parts[1]):
                continue
            try:
                yield load(store, parts[1])
            except PulseError as error:
                if error.code == "snapshot.unknown":  # another collector was faster
                    continue
                raise


def _unused(held: dict[str, Snapshot], roots: Roots, now: float, seconds: float) -> frozenset[str]:
    """Snapshots that are old enough, that nothing stands on, and that are not their protocol's newest."""
    newest: dict[str, tuple[str, str]] = {}
    for one in held.values():
        newest[one.protocol.name] = max(newest.get(one.protocol.name, ("", "")), (one.created, one.id))
    kept = {snapshot_id for _, snapshot_id in newest.values()} | roots.snapshots
    return frozenset(
        one.id
        for one in held.values()
        if one.id not in kept and now - dt.datetime.fromisoformat(one.created).timestamp() >= seconds
    )


def _kind(
    key: str, named: set[str], roots: Roots, held: Collection[str], going: frozenset[str]
) -> Kind | None:
    """What kind of garbage an object is, None where it is needed or nothing is known of it."""
    parts = key.split("/")
    if key.startswith(layout.CHUNKS):
        sha256 = parts[-1].removesuffix(".parquet")
        return "chunk" if layout.SHA256.match(sha256) and sha256 not in named else None
    if key.startswith(_MODELS):
        sha256 = parts[-1].partition(".")[0]
        return "model" if layout.SHA256.match(sha256) and sha256 not in roots.models else None
    snapshot_id = parts[1]
    if snapshot_id in going:
        return "snapshot"
    known = snapshot_id in held or snapshot_id in roots.snapshots
    return None if known or not layout.is_id(snapshot_id) else "part of a snapshot"


def _order(one: Garbage) -> tuple[bool, str]:
    """Manifests first: a crash then leaves parts that nothing names, never a snapshot with holes."""
    return not one.key.endswith(f"/{layout.MANIFEST}"), one.key
