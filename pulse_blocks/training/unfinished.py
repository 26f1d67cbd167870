"""What is kept in the store of long work that may be interrupted, below a key that says what decides it."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Mapping
from typing import Any

import msgspec

from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Snapshot, ValidatedData
from pulse_blocks.snapshots import layout
from pulse_blocks.stores.base import Store
from pulse_blocks.training.environment import PACKAGES, THREADS

PREFIX = layout.UNFINISHED


def remove(store: Store, key: str) -> None:
    """The work with this key is done with, and what came of it is kept elsewhere."""
    for one in list(store.keys(f"{PREFIX}{key}/")):
        store.delete(one)


def fit_key(
    protocol: Protocol, snapshot: Snapshot, validated: ValidatedData, params: Mapping[str, Any]
) -> str:
    """The sha256 of all that decides the trees of a fit: rows, contract, parameters, versions."""
    return _key("fit", protocol, snapshot, validated, {k: v for k, v in params.items() if k != THREADS})


def search_key(protocol: Protocol, snapshot: Snapshot, validated: ValidatedData, side_by_side: int) -> str:
    """The same of a search, which ``side_by_side`` trials at a time decide too."""
    packages = {"optuna": importlib.metadata.version("optuna"), "side_by_side": side_by_side}
    return _key("search", protocol, snapshot, validated, packages)


def _key(
    what: str, protocol: Protocol, snapshot: Snapshot, validated: ValidatedData, more: Mapping[str, Any]
) -> str:
    training = msgspec.structs.replace(
        protocol.training, gates=(), metrics=(), schedule=None, resources=type(protocol.training.resources)()
    )
    decided = {
        "what": what,
        "snapshot": snapshot.hash,
        "quarantine": validated.quarantine,
        "contract": (protocol.task, tuple(protocol.features.items()), protocol.target, protocol.source.time),
        "output": protocol.output,
        "training": training,
        "more": more,
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
    }
    return hashlib.sha256(msgspec.json.encode(decided, order="deterministic")).hexdigest()
