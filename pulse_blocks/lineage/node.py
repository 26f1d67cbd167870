"""The tree that a trace gives: data, to be rendered by whoever shows it."""

from __future__ import annotations

from typing import Any

import msgspec

from pulse_blocks.ids import Kind
from pulse_blocks.ledger import Ledger
from pulse_blocks.records import Record
from pulse_blocks.stores.base import Store


class Node(Record, frozen=True, kw_only=True):
    """One thing and what it stands on (or, seen from the data, what stands on it).

    ``facts`` by kind; hashes are whole, written ``sha256:`` and 64 hex digits:

    - inference: ``time``, ``event_time`` and ``source_key`` (or None), ``input_hash``, ``output_hash``,
      ``latency_ms``, ``cached``, ``fallback``
    - model: ``name``, ``version``, ``trees_hash``; seen from the data ``inferences``, how many it made
    - run: ``started``, ``seconds``, ``metrics``, ``tracking_run`` (MLflow's id)
    - snapshot: ``datasource``, ``created``, ``rows``, ``hash``

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
