"""Where the parts of a snapshot are in a store, and what makes its id."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from pulse_blocks.records import Chunk

FORMAT = 1
CHUNKS = "chunks/"
SNAPSHOTS = "snapshots/"
MANIFEST = "manifest.json"
# Long work that may be interrupted; no part of a snapshot, and never needed by one.
UNFINISHED = "unfinished/"
SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_ID = re.compile(r"snap_[0-9a-f]{12}\Z")


def chunk_key(sha256: str) -> str:
    """The key of a chunk's file."""
    return f"{CHUNKS}{sha256[:2]}/{sha256}.parquet"


def manifest_key(snapshot_id: str) -> str:
    """The key of a snapshot's manifest."""
    return f"{SNAPSHOTS}{snapshot_id}/{MANIFEST}"


def profile_key(snapshot_id: str) -> str:
    """The key of a snapshot's profile (see ``sketches.profile``)."""
    return f"{SNAPSHOTS}{snapshot_id}/profile.json"


def sample_key(snapshot_id: str) -> str:
    """The key of a snapshot's reference sample, a Parquet file."""
    return f"{SNAPSHOTS}{snapshot_id}/sample.parquet"


def is_id(text: str) -> bool:
    """Whether this is a whole snapshot id."""
    return _ID.match(text) is not None


def content_sha256(chunks: Iterable[Chunk]) -> str:
    """The sha256 over the ordered (rows, digest) of all chunks. A digest covers the schema."""
    content = hashlib.sha256(b"pulse snapshot 1\n")
    for chunk in chunks:
        content.update(f"{chunk.rows} {chunk.digest}\n".encode("ascii"))
    return content.hexdigest()
