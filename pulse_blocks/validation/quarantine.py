"""Rows that break a rule, set beside the snapshot as Parquet: row number, rules, and the row itself."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from typing import Any

from pulse_blocks.errors import PulseError
from pulse_blocks.records import ValidatedData
from pulse_blocks.stores.base import Store
from pulse_blocks.validation.report import load_report

ROW, RULES = "pulse_row", "pulse_rules"


def write_quarantine(store: Store, key: str, table: Any, *, rows: Any, rules: Sequence[str]) -> str:
    """Write the rows of ``table`` with their numbers (an int64 array) and, for each, the rules that it breaks.

    Returns the sha256 of the file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = table.add_column(0, ROW, pa.array(rows, pa.int64()))
    table = table.add_column(1, RULES, pa.array(rules, pa.string()))
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", compression_level=1, store_schema=False)
    data = sink.getvalue()
    store.put(key, data)
    return hashlib.sha256(data).hexdigest()


def quarantined_rows(store: Store, validated: ValidatedData) -> Any:
    """The numbers of the quarantined rows: a NumPy int64 array, sorted, empty where there are none.

    Raises PulseError("validation.quarantine") for a file that differs from the hash in the report.
    """
    import numpy as np
    import pyarrow.parquet as pq

    if validated.quarantine is None:
        return np.empty(0, np.int64)
    data = store.get(validated.quarantine)
    if hashlib.sha256(data).hexdigest() != load_report(store, validated).quarantine_sha256:
        raise PulseError(
            "validation.quarantine",
            f"{store.locate(validated.quarantine)} is damaged: it differs from the sha256 in the report.",
            "Delete it and run the protocol again.",
        )
    table = pq.read_table(io.BytesIO(data), columns=[ROW])
    return table.column(ROW).to_numpy()
