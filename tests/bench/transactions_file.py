"""The transactions as one Parquet file with typed times, and their protocol, whose query suits files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pulse_blocks.demo.transactions import BLOCK, block
from pulse_blocks.protocol import loading
from pulse_blocks.protocol.spec import Protocol

if TYPE_CHECKING:
    import pyarrow as pa

Change = Callable[["pa.Table"], "pa.Table"]


def table(rows: int) -> pa.Table:
    """The first rows of the transactions, ``at`` as a timestamp."""
    import pyarrow as pa

    found = pa.Table.from_batches([block(number, 7) for number in range(-(-rows // BLOCK))]).slice(0, rows)
    at = found.schema.get_field_index("at")
    return found.set_column(at, "at", found.column("at").cast(pa.timestamp("us")))


def write_file(path: Path, rows: int, change: Change | None = None) -> None:
    """One Parquet file with pandas' defaults (snappy)."""
    import pyarrow.parquet as pq

    pq.write_table(change(table(rows)) if change else table(rows), path)


def protocol(datasource: str) -> Protocol:
    """The fraud detector's, whose query compares times with times where the datasource is a file."""
    text = Path("protocols/fraud-detector.yaml").read_text("utf-8")
    if datasource.endswith(".parquet"):
        for end in ("start", "end"):
            text = text.replace(f"datetime(:{end})", f":{end}")
    return loading.loads(text)
