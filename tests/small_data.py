"""A small protocol with every type of column, rows that meet it, and snapshots of them."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from pulse_blocks.protocol.columns import all_columns
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Column, ProtocolRef, RawBatch, Snapshot, Window
from pulse_blocks.snapshots.commit import commit
from pulse_blocks.snapshots.reading import load
from pulse_blocks.snapshots.writing import Written, write_chunks
from pulse_blocks.sources.arrow import arrow_schema
from pulse_blocks.sources.base import Rows
from pulse_blocks.stores.base import Store

WINDOW = Window(start="2026-01-01T00:00:00Z", end="2026-03-01T00:00:00Z")
_START = 1_767_225_600  # 2026-01-01 in seconds
_DAYS = 59
_CARRIERS = ("bike", "train", "van")

_PROTOCOL: dict[str, Any] = {
    "pulse": 1,
    "name": "small",
    "version": "1.0.0",
    "task": "binary-classification",
    "source": {
        "datasource": "parcels",
        "query": "select * from parcels where sent >= :start and sent < :end",
        "window": {"start": "2026-01-01", "end": "2026-03-01"},
        "time": "sent",
        "key": ["parcel"],
    },
    "features": {
        "weight": {"type": "float", "ge": 0, "le": 50},
        "distance": {"type": "float", "ge": 0, "nullable": True},
        "carrier": {"type": "category", "values": list(_CARRIERS)},
        "stops": {"type": "int", "gt": -1, "lt": 20},
        "express": {"type": "bool"},
    },
    "columns": {
        "label": {"type": "string", "pattern": "^[A-Z]{2}[0-9]+$", "max_length": 10, "nullable": True},
        "arrived": {"type": "timestamp", "nullable": True},
        "zone": {"type": "category", "values": [1, 2, 3], "nullable": True},
        "day": {"type": "date", "nullable": True},
    },
    "target": {"name": "late", "type": "bool"},
    "on_invalid": {"quarantine_up_to": 0.01},
    "training": {
        "seed": 3,
        "params": {"num_leaves": 7},
        "rounds": 10,
        "split": {"by": "time", "test": 0.2},
        "metrics": ["accuracy", "roc_auc"],
    },
}


def protocol(**sections: Any) -> Protocol:
    """The small protocol, with these sections instead of its own."""
    return msgspec.convert({**_PROTOCOL, **sections}, Protocol)


def columns(rows: int = 1000, seed: int = 0) -> dict[str, np.ndarray]:
    """Values that meet the small protocol, in the order of their time; late ones are heavy and far."""
    draw = np.random.default_rng(seed)
    sent = np.sort(draw.integers(0, _DAYS * 86_400, rows)) + _START
    weight, distance = draw.uniform(0, 50, rows), draw.uniform(0, 2000, rows)
    carrier = np.array(_CARRIERS, dtype=object)[draw.integers(0, 3, rows)]
    risk = weight / 50 + distance / 2000 + 0.3 * (carrier == "bike") + draw.normal(0, 0.3, rows)
    days = sent // 86_400
    return {
        "sent": sent * 1_000_000,
        "parcel": np.array([f"p{number:07d}" for number in range(rows)], dtype=object),
        "weight": weight,
        "distance": distance,
        "carrier": carrier,
        "stops": draw.integers(0, 20, rows),
        "express": draw.random(rows) < 0.5,
        "label": np.array([f"DE{number}" for number in range(rows)], dtype=object),
        "arrived": (sent + 3600) * 1_000_000,
        "zone": draw.integers(1, 4, rows),
        "day": days.astype(np.int32),
        "late": risk > 1.2,
    }


def table(contract: Protocol, values: dict[str, Any]) -> pa.Table:
    """Values (sequences; None and NaN are null) as a table in the protocol's canonical types."""
    schema = arrow_schema(all_columns(contract))
    arrays = [
        pa.array(values[field.name], from_pandas=True).cast(field.type)
        if not pa.types.is_temporal(field.type)
        else pa.array(
            values[field.name], pa.int64() if field.type.bit_width == 64 else pa.int32(), from_pandas=True
        ).cast(field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def snapshot_of(
    store: Store, contract: Protocol, values: dict[str, Any], window: Window | None = WINDOW
) -> Snapshot:
    """A committed snapshot of these values, through the same code as a run."""
    data = table(contract, values)
    written = write_chunks(store, Rows(data.schema, iter(data.to_batches())), contract.source.key)
    return load(store, commit(store, raw_batch(contract, written, window)).id)


def raw_batch(contract: Protocol, written: Written, window: Window | None = WINDOW) -> RawBatch:
    """What ingest would say of these chunks."""
    return RawBatch(
        protocol=ProtocolRef(name=contract.name, version=contract.version, digest=contract.digest),
        datasource=contract.source.datasource,
        query=contract.source.query,
        window=window,
        columns=tuple(
            Column(name=c.name, type=c.field.type, nullable=c.field.nullable) for c in all_columns(contract)
        ),
        chunks=written.chunks,
        content=written.content,
        rows=written.rows,
        new_bytes=written.new_bytes,
        left_out=(),
        key=contract.source.key,
    )
