"""What the stages hand to each other: small frozen facts, never data.

Each record carries the id of the one before it, so the lineage of a prediction is this chain read backwards
and nothing else has to be written down. All of them survive a round trip through JSON (``to_json``).
Times are UTC in ISO 8601 with a trailing ``Z``; durations are seconds.
"""

from __future__ import annotations

from typing import Any, Literal, TypeVar

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all records."""


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


class Environment(Record, frozen=True, kw_only=True):
    """What decides the trees of a fit beside its data and its protocol.

    ``packages`` holds versions by name, ``parameters`` all that LightGBM was given, seeds included.
    ``threads`` changes the time and not the trees.
    """

    packages: dict[str, str]
    python: str
    platform: str
    processor: str
    threads: int
    parameters: dict[str, bool | int | float | str]


class ClassCurve(Record, frozen=True, kw_only=True):
    """How the probability of one class is changed.

    A sigmoid of ``slope`` * log-odds + ``intercept`` or, where there are points, lines between them.
    """

    slope: float = 1.0
    intercept: float = 0.0
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()


class Calibration(Record, frozen=True, kw_only=True):
    """A curve for each number that the model gives: one of two classes, or one for each class."""

    method: Literal["sigmoid", "isotonic"]
    curves: tuple[ClassCurve, ...]


class Searched(Record, frozen=True, kw_only=True):
    """The end of a search for parameters. ``best`` is the number of the trial (from 0) whose ``params`` were chosen.

    ``value`` is its ``metric`` on the validation rows; ``pruned`` of the ``trials`` were given up early.
    """

    metric: str
    trials: int
    pruned: int
    best: int
    value: float
    params: dict[str, bool | int | float | str]


class TrainedModel(Record, frozen=True, kw_only=True):
    """A fitted model whose gates hold. ``text`` is the key of the model's text in the store.

    ``tracking_run`` is MLflow's own id (32 digits), ``run`` ours. ``trees`` is the sha256 of the model text
    before its parameters. ``train_rows`` and ``test_rows`` count the two parts of the split. ``smoke`` is the
    key of held-out rows with their offline predictions. ``lost`` says why the champion stays, None where
    the model may replace it. ``restored`` says who made an older snapshot the training data again and when,
    None where the data were read anew. ``protocol`` is the canonical JSON that the run was made by (empty in
    records of runs before it was kept), ``environment`` what else decided the trees. ``threshold`` is the one
    that was chosen on validation rows, None where the protocol says it; ``intervals`` are low and high of each
    metric (95 %), ``curves`` the key of what its pictures are drawn from. ``memory`` are the limits that the fit
    was given, in turn: all but the last were too little. ``peak_memory`` is what it took of the last, in bytes
    (0: not known). ``champion`` is the model that it was compared with, None where there was none. ``drift`` is
    the JSON of what its drift will be measured against (``sketches.reference``), empty where the data were too
    few to tell what is calm.
    ``reused`` is the run whose trees these are, where this one has not fitted any itself. ``calibration`` is what the
    trees' probabilities go through, ``searched`` the search that chose parameters, if there was one.
    """

    run: str
    tracking_run: str
    model: str
    snapshot: str
    datasource: str
    text: str
    text_sha256: str
    trees: str
    metrics: dict[str, float]
    train_rows: int
    test_rows: int
    smoke: str
    lost: str | None
    started: str
    seconds: float
    restored: str | None = None
    protocol: str = ""
    environment: Environment | None = None
    threshold: float | None = None
    intervals: dict[str, tuple[float, float]] = {}
    curves: str | None = None
    memory: tuple[str, ...] = ()
    peak_memory: int = 0
    champion: str | None = None
    drift: str = ""
    reused: str | None = None
    calibration: Calibration | None = None
    searched: Searched | None = None


class RefusedModel(Record, frozen=True, kw_only=True):
    """A run that ended without a model, and why: a gate that was missed, data that cannot be learned from.

    ``tracking_run`` is MLflow's own id, ``metrics`` those of the held-out part; None where it never came to
    them. ``code`` and ``hint`` are those of the error.
    """

    run: str
    tracking_run: str
    snapshot: str
    datasource: str
    metrics: dict[str, float] | None
    reason: str
    started: str
    seconds: float
    code: str = ""
    hint: str | None = None


class StoredModel(Record, frozen=True, kw_only=True):
    """A model that is registered and can be served. ``bundle`` is a key in the store.

    ``version`` is MLflow's model version, ``bundle_sha256`` the hash of the bundle's JSON. ``smoke`` and
    ``lost`` are those of the trained model.
    """

    model: str
    run: str
    tracking_run: str
    snapshot: str
    version: str
    bundle: str
    bundle_sha256: str
    smoke: str
    lost: str | None


class Deployment(Record, frozen=True, kw_only=True):
    """Who is champion after the deploy stage, and why. ``previous`` is the champion before (or None)."""

    model: str
    champion: str
    previous: str | None
    promoted: bool
    reason: str
    run: str
    snapshot: str


class Arrival(Record, frozen=True, kw_only=True):
    """A model that another workspace trained and that was promoted into this one.

    ``route`` are the workspaces that it came through, the one that trained it first; ``store`` and ``ledger`` are those
    of the last, without secrets. ``data`` says where the snapshot's chunks are: in a store that both share, copied, or
    by reference in ``chunks``, the URL of a store (None where they are here). ``signature`` is the other workspace's
    own (empty where the model was no champion there), ``cause`` the id there of what asked for the run.
    """

    model: str
    bundle_sha256: str
    snapshot: str
    route: tuple[str, ...]
    store: str
    ledger: str
    data: Literal["shared", "copied", "reference"]
    chunks: str | None = None
    signature: str = ""
    cause: str | None = None
    reason: str
    who: str


R = TypeVar("R", bound=Record)


def to_json(record: Record) -> bytes:
    """The record as JSON with sorted keys: the same bytes for the same facts."""
    return msgspec.json.encode(record, order="sorted")


def from_json(data: bytes | str, kind: type[R]) -> R:
    """The inverse of ``to_json``; raises msgspec.ValidationError where ``data`` is no such record."""
    return msgspec.json.decode(data, type=kind)


def as_dict(record: Record) -> dict[str, Any]:
    """The record as plain dicts and lists."""
    return dict(msgspec.to_builtins(record))
