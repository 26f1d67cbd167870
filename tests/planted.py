"""Looking for planted secrets in whatever was written, and a database to plant one in the URL of."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.tiny_project import write_parcels


def searched(folder: Path) -> list[tuple[str, bytes]]:
    """Every file below a folder."""
    return [(str(path), path.read_bytes()) for path in sorted(folder.rglob("*")) if path.is_file()]


def holding(secret: str, files: list[tuple[str, bytes]]) -> list[str]:
    """The names of the files in which a secret stands, plain or in UTF-16."""
    forms = (secret.encode(), secret.encode("utf-16-le"), secret.encode().hex().encode())
    return [name for name, data in files if any(form in data for form in forms)]


def copy_parcels(path: Path, url: str) -> None:
    """The tiny project's table in PostgreSQL."""
    import psycopg

    write_parcels(path)
    with sqlite3.connect(path) as db:
        rows = db.execute("select * from parcels").fetchall()
    db.close()
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("drop table if exists parcels")
        cursor.execute(
            "create table parcels (parcel text primary key, sent text, weight float8, distance float8,"
            " carrier text, express int, late int)"
        )
        with cursor.copy("copy parcels from stdin") as copy:
            for row in rows:
                copy.write_row(row)
