"""The serving bundle: everything that the runtime and lineage need to know about a model, in one JSON.

Written once by the store stage; read without LightGBM, MLflow or Prefect. The model's text lies beside it
under its own hash.
"""

from __future__ import annotations

from pulse_blocks.bundle.files import find, load, load_promoted, parse, write
from pulse_blocks.bundle.record import Bundle, LoadedBundle, RunFacts, SnapshotFacts, make, to_json

__all__ = [
    "Bundle",
    "LoadedBundle",
    "RunFacts",
    "SnapshotFacts",
    "find",
    "load",
    "load_promoted",
    "make",
    "parse",
    "to_json",
    "write",
]
