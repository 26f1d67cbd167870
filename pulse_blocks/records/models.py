"""Models on their way to being served: trained or refused, stored, champion, come from another workspace."""

from __future__ import annotations

from typing import Literal

import msgspec

from pulse_blocks.records.base import Record


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
    intervals: dict[str, tuple[float, float]] = msgspec.field(default_factory=dict)
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

    ``version`` is MLflow's model version, ``bundle_sha256`` the hash of the bundle's JSON. ``smoke``, ``lost`` and
    ``champion`` are those of the trained model (the last is empty in records of before it was kept).
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
    champion: str | None = ""


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
