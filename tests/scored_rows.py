"""A workspace with a champion and a table of rows that it can score."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import msgspec

from pulse_blocks import settings
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.settings import Workspace
from tests.served_models import protocol, records, train_and_promote

SOURCE: dict[str, Any] = {
    "datasource": "parcels",
    "query": "select * from parcels where sent >= :start and sent < :end",
    "window": {"start": "2026-01-01", "end": "2026-03-01"},
    "time": "sent",
    "key": ["parcel"],
}
COLUMNS = "parcel text, sent text, weight real, distance real, carrier text, stops integer, express integer"


def scoring_protocol(task: str = "binary-classification", **sections: Any) -> Protocol:
    """The protocol of the served models, with a source that can be read."""
    return protocol("parcels", task, **{"source": SOURCE, **sections})


def rows(count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Sound rows in the order of their time, some with missing values."""
    return [
        {"parcel": f"p{at:06d}", "sent": f"2026-01-{1 + at * 28 // count:02d} {at % 24:02d}:00:00", **record}
        for at, record in enumerate(records(count, seed))
    ]


def write_rows(path: Path, found: list[dict[str, Any]]) -> None:
    """A table ``parcels`` with these rows instead of those of before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path)
    with db:
        db.execute("drop table if exists parcels")
        db.execute(f"create table parcels ({COLUMNS})")
        db.executemany(
            "insert into parcels values (:parcel,:sent,:weight,:distance,:carrier,:stops,:express)", found
        )
    db.close()


def scoring_workspace(root: Path, found: list[dict[str, Any]], kind: Protocol | None = None) -> Workspace:
    """The workspace with a champion of ``parcels``, and the rows as its datasource ``parcels``."""
    write_rows(root / ".pulse" / "parcels.db", found)
    (root / ".pulse" / "workspace.toml").write_text(
        '[datasources.parcels]\nurl = "sqlite:///.pulse/parcels.db"\n'
    )
    workspace = settings.load(root, environ={})
    train_and_promote(workspace, kind or scoring_protocol())
    return workspace


def as_request(row: dict[str, Any]) -> dict[str, Any]:
    """A row as a client would send it to the runtime: with its time as JSON has times."""
    sent = str(row["sent"]).replace(" ", "T") + "Z"
    return {**row, "sent": sent}


def canonical(kind: Protocol, row: dict[str, Any]) -> bytes:
    """The input of the ledger for a row."""
    from pulse_blocks.protocol.requests import request_type

    return msgspec.json.encode(msgspec.convert(as_request(row), request_type(kind)))
