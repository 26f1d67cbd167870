"""Data on their way to training: what was read, the snapshot of it, the verdict on it."""

from __future__ import annotations

from pulse_blocks.records.base import Record


class Window(Record, frozen=True, kw_only=True):
    """A half-open interval of event time: ``start <= t < end``, bound to ``:start`` and ``:end``."""

    start: str
    end: str


class ProtocolRef(Record, frozen=True, kw_only=True):
    """Which contract: ``digest`` is the sha256 of the protocol's canonical JSON."""

    name: str
    version: str
    digest: str


class Column(Record, frozen=True, kw_only=True):
    """A column of a snapshot. ``type`` is a type of the protocol language (``float``, ``category``...)."""

    name: str
    type: str
    nullable: bool


class Chunk(Record, frozen=True, kw_only=True):
    """One Parquet file of a snapshot.

    ``sha256`` is over the file and names it; ``digest`` is over the logical content of its rows, so that it
    does not depend on who wrote the file.
    """

    sha256: str
    digest: str
    rows: int
    bytes: int


class RawBatch(Record, frozen=True, kw_only=True):
    """What ingest leaves behind: chunks in the store that no manifest names yet.

    ``content`` is the sha256 over schema and ordered chunk digests, ``new_bytes`` what this ingest added to
    the store, ``left_out`` the columns that the query gave and the protocol does not name. ``key`` are the
    columns that name a row. ``restored`` is the snapshot whose chunks these are, where nothing was read from
    the datasource because an older snapshot is the training data again.
    """

    protocol: ProtocolRef
    datasource: str
    query: str
    window: Window | None
    columns: tuple[Column, ...]
    chunks: tuple[Chunk, ...]
    content: str
    rows: int
    new_bytes: int
    left_out: tuple[str, ...]
    key: tuple[str, ...] = ()
    restored: str | None = None


class Snapshot(Record, frozen=True, kw_only=True):
    """An immutable, verified set of rows. ``id`` is ``snap_`` and 12 digits of ``hash`` (a sha256).

    ``format`` is the version of the manifest; ``profile_sha256`` and ``sample_sha256`` are over the files
    beside it.
    """

    format: int = 1
    id: str
    hash: str
    protocol: ProtocolRef
    datasource: str
    query: str
    window: Window | None
    created: str
    columns: tuple[Column, ...]
    chunks: tuple[Chunk, ...]
    rows: int
    bytes: int
    profile_sha256: str
    sample_sha256: str
    key: tuple[str, ...] = ()


class SnapshotRef(Record, frozen=True, kw_only=True):
    """What the snapshot stage hands on; the manifest itself is in the store."""

    id: str
    hash: str
    datasource: str
    rows: int
    bytes: int
    new_bytes: int
    created: str
    existed: bool


class ValidatedData(Record, frozen=True, kw_only=True):
    """The verdict on a snapshot. ``quarantine`` and ``report`` are keys in the store.

    ``quarantined`` rows break an error rule and are not trained on; ``quarantine`` is None where there are
    none.
    """

    snapshot: str
    rows: int
    quarantined: int
    warnings: int
    report: str
    quarantine: str | None
