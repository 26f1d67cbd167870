"""The tree that a trace gives: data, to be rendered by whoever shows it."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from pulse_blocks.ledger import Ledger
from pulse_blocks.records import Record
from pulse_blocks.stores.base import Store
from pulse_blocks.times import iso, of_microseconds

Kind = Literal[
    "inference",
    "model",
    "run",
    "snapshot",
    "datasource",
    "champion",
    "rows",
    "scoring",
    "drift",
    "regression",
    "restore",
    "rollback",
]


class Node(Record, frozen=True, kw_only=True):
    """One thing and what it stands on (or, seen from the data, what stands on it).

    ``facts`` by kind; hashes are whole, written ``sha256:`` and 64 hex digits:

    - inference: ``time``, ``event_time`` and ``source_key`` (or None), ``input_hash``, ``output_hash``,
      ``latency_ms``, ``cached``, ``fallback``; ``label``, where one has come in: its value;
      ``archived``, where it left the ledger: ``at`` and ``file``
    - model: ``name``, ``version``, ``trees_hash``; ``threshold``, where training chose it; seen from the data
      ``inferences``, how many it made; ``arrived``, where another workspace trained it: ``from`` (the workspaces on its
      way), ``at``, ``who``, ``reason``, ``store`` and ``ledger`` of the last, ``data``, ``chunks``, ``cause`` there
    - run: ``started``, ``seconds``, ``metrics``, ``tracking_run`` (MLflow's id); ``refused``: why it gave no
      model; ``restored``: the older snapshot that was its data again, who said so and when; ``cause``: the drift
      check that asked for it
    - snapshot: ``datasource``, ``created``, ``rows``, ``hash``; below a question about rows ``matching``,
      ``chunks``, the sha256 of those that hold them, and ``quarantined``, how many no model was trained on;
      ``kept``, where its chunks are by reference in another workspace's store
    - datasource: ``snapshots``, how many there are
    - champion (a name's pointer): ``at``, the time asked for, ``since``, ``until`` (or None), ``action`` (promote
      or rollback), ``previous`` (or None), ``reason``, ``who``, ``promotion`` (its number)
    - rows: ``matching``, ``chunks`` and ``snapshots`` (counts), ``problems``: what could not be read
    - scoring: ``started``, ``seconds``, ``datasource``, ``query``, ``window`` (or None), ``predictions`` and
      ``refused`` (rows), ``files``, the keys of those that hold its predictions

    - drift (a check): ``time``, ``judged`` (the model), ``verdict``, ``rows``, ``window`` and ``report`` (or None);
      ``rollback``: who went back because of it
    - regression: ``time``, ``judged`` (the model), ``previous`` (or None), ``reason``, and ``rollback`` as above
    - rollback (of a name's pointer): ``time``, ``name``, ``model`` (live again), ``instead_of`` (the champion that it
      replaced), ``reason``, ``who``
    - restore (of a snapshot as training data): ``time``, ``name`` (the protocol), ``snapshot``, ``who``

    What was asked for itself, if it is a model or data, has ``standing``: ``models`` (but not for a
    model), ``inferences``, and ``live_since``, the time since when one of those models is champion (or None).
    A fact that cannot be read is left out, and ``missing`` says in words what is not there.
    """

    kind: Kind
    id: str
    facts: dict[str, Any]
    children: tuple[Node, ...] = ()


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Where a trace looks."""

    ledger: Ledger
    store: Store


def sha256(digits: str) -> str:
    """A hash as facts spell it."""
    return f"sha256:{digits}"


def time_of(microseconds: int) -> str:
    """A time of the ledger as facts spell it."""
    return iso(of_microseconds(microseconds))
