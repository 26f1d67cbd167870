"""SQLite files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pulse_blocks.errors import PulseError

if TYPE_CHECKING:
    import pyarrow as pa


def write_table(
    path: Path, name: str, columns: dict[str, str], index: tuple[str, ...], blocks: Iterable[pa.RecordBatch]
) -> int:
    """Write a database of one table and one index, replacing ``path`` only once all of it is on disk.

    ``columns`` gives each column its SQL type, in the order of the blocks. Returns the number of rows.
    Raises PulseError where the file cannot be written.
    """
    from adbc_driver_manager import Error
    from adbc_driver_sqlite import dbapi

    declared = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
    with _replacing(path) as fresh:
        try:
            # No journal and no fsync while the file has no name: nobody sees it before it is whole.
            with dbapi.connect(f"file:{fresh}", autocommit=True) as connection, connection.cursor() as cursor:
                cursor.execute("PRAGMA journal_mode = off")
                cursor.fetchall()
                cursor.execute("PRAGMA synchronous = off")
                cursor.execute(f'CREATE TABLE "{name}" ({declared})')
                rows = _fill(cursor, name, blocks)
                cursor.execute(f'CREATE INDEX "{name}_by_{"_".join(index)}" ON "{name}" ({", ".join(index)})')
        except Error as error:
            raise _unwritable(path, str(error)) from error
    return rows


def _fill(cursor: object, name: str, blocks: Iterable[pa.RecordBatch]) -> int:
    rows = 0
    for block in blocks:
        cursor.adbc_ingest(name, block, mode="append")  # type: ignore[attr-defined]
        rows += block.num_rows
    return rows


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A fresh name in the folder of ``path``; its file takes the place of ``path`` when the block ends."""
    fresh = path.parent / f".{path.name}.{secrets.token_hex(6)}.tmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield fresh
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from error
    finally:
        with contextlib.suppress(OSError):  # never made, or its folder is none
            fresh.unlink()


def _unwritable(path: Path, reason: str) -> PulseError:
    return PulseError(
        "demo.unwritable", f"{path} cannot be written: {reason}.", "Check the folder and its free space."
    )
