"""Inferences in Parquet files of the store: those of batch scorings, and old ones that left the ledger."""

from __future__ import annotations

from pulse_blocks.archive.reading import Filed, batches, find, ids_of, inferences, models_of
from pulse_blocks.archive.writing import InferenceWriter

__all__ = [
    "Filed",
    "InferenceWriter",
    "batches",
    "find",
    "ids_of",
    "inferences",
    "models_of",
]
