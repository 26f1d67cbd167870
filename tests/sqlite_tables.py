"""Tables of SQLite for tests, a column ``k`` for the key and one for what is looked at."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from pulse_blocks.protocol.columns import ColumnSpec
from pulse_blocks.protocol.spec import FieldSpec, FieldType


def column(name: str, kind: FieldType) -> ColumnSpec:
    """A column of this type."""
    return ColumnSpec(name=name, role="column", field=FieldSpec(type=kind))


def database(folder: Path, declared: str, cells: list[tuple[Any, ...]]) -> Path:
    """A file with the table ``t``: its columns as ``declared``, and its rows."""
    path = folder / "data.db"
    with sqlite3.connect(path) as connection:
        connection.execute(f"create table t ({declared})")
        marks = ", ".join("?" * len(cells[0]))
        connection.executemany("insert into t values (" + marks + ")", cells)  # noqa: S608 - question marks only
    connection.close()
    return path
