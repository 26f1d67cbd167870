"""The manifest: the one file that makes chunks a snapshot, sealed with a checksum over itself.

A manifest is the JSON of a ``records.Snapshot``, sealed. So a flipped bit is found in what no other hash covers (the
query, the time), and whoever edits a manifest by hand hears of it.
"""

from __future__ import annotations

import msgspec

from pulse_blocks import ids
from pulse_blocks.errors import PulseError
from pulse_blocks.formats import require_known
from pulse_blocks.records import Snapshot, from_json, to_json
from pulse_blocks.snapshots import layout
from pulse_blocks.snapshots.sealing import holds, seal


class _Format(msgspec.Struct):
    """The one field that every version of the manifest has."""

    format: int


def encode(snapshot: Snapshot) -> bytes:
    """The manifest as a file."""
    return seal(to_json(snapshot))


def decode(data: bytes, snapshot_id: str, where: str) -> Snapshot:
    """The snapshot of a manifest, everything in it checked.

    Raises PulseError ``snapshot.manifest``, or ``snapshot.newer`` for a format of a later version of Pulse.
    """
    try:
        version = msgspec.json.decode(data, type=_Format).format
        require_known("snapshot.newer", f"The manifest {where}", version, layout.FORMAT)
        if version != layout.FORMAT:
            raise _unsound(where, f"it has format {version}, and this Pulse knows {layout.FORMAT}")
        _check_seal(data, where)
        snapshot = from_json(data, Snapshot)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unsound(where, f"it cannot be read ({error})") from error
    _check(snapshot, snapshot_id, where)
    return snapshot


def _check_seal(data: bytes, where: str) -> None:
    if not holds(data):
        raise _unsound(where, "it differs from its checksum")


def _check(snapshot: Snapshot, snapshot_id: str, where: str) -> None:
    """Whether a manifest is about the snapshot that its place names."""
    hashes = [snapshot.profile_sha256, snapshot.sample_sha256]
    hashes += [value for chunk in snapshot.chunks for value in (chunk.sha256, chunk.digest)]
    if not all(layout.SHA256.match(value) for value in hashes):
        raise _unsound(where, "it names something that is no sha256")
    if layout.content_sha256(snapshot.chunks) != snapshot.hash:
        raise _unsound(where, f"its chunks do not have the hash {snapshot.hash}")
    if snapshot.id != snapshot_id or ids.snapshot_id(snapshot.hash) != snapshot_id:
        raise _unsound(where, f"it is that of {snapshot.id}")


def _unsound(where: str, reason: str) -> PulseError:
    return PulseError(
        "snapshot.manifest",
        f"The manifest {where} is not sound: {reason}.",
        "Restore the file from a backup. Without it, delete it and run again: the chunks are still there.",
    )
