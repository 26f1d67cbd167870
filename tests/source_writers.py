"""Rows kept in each kind of datasource, so that one suite can ask all of them the same."""

from __future__ import annotations

import datetime as dt
import decimal
import io
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from pulse_blocks.settings import Datasource
from tests.ceph_server import client

Cells = list[dict[str, Any]]
# Keeps rows as the table ``orders``, in place of those that are there.
Write = Callable[[Cells], Datasource]


def frame(cells: Cells) -> pl.DataFrame:
    """The rows as a frame; a column that is all null has numbers."""
    made = pl.DataFrame(cells, infer_schema_length=None)
    return made.with_columns(
        pl.col(name).cast(pl.Int64) for name, kind in made.schema.items() if kind == pl.Null
    )


def sqlite(folder: Path) -> Write:
    """A file with times and decimals as text and truth values as numbers, as SQLite's users keep them."""

    def write(cells: Cells) -> Datasource:
        path = folder / "orders.db"
        path.unlink(missing_ok=True)
        with sqlite3.connect(path) as database:
            names = ", ".join(f"{_quoted(name)} {_affinity(cells, name)}" for name in cells[0])
            database.execute(f"create table orders ({names})")
            plain = [[_plain(cell) for cell in row.values()] for row in cells]
            marks = ", ".join("?" for _ in cells[0])
            database.executemany(f"insert into orders values ({marks})", plain)  # noqa: S608 - question marks
        database.close()
        return Datasource(f"sqlite:///{path}")

    return write


def parquet(folder: Path) -> Write:
    """One file with many row groups."""

    def write(cells: Cells) -> Datasource:
        frame(cells).write_parquet(folder / "orders.parquet", row_group_size=64)
        return Datasource(str(folder / "orders.parquet"))

    return write


def csv(folder: Path) -> Write:
    """Two files of one pattern."""

    def write(cells: Cells) -> Datasource:
        for number, part in enumerate(_halves(cells)):
            (folder / f"orders-{number}.csv").write_bytes(as_csv(part))
        return Datasource(str(folder / "orders-*.csv"))

    return write


def postgres(url: str) -> Write:
    """A table in a running server."""

    def write(cells: Cells) -> Datasource:
        from adbc_driver_postgresql import dbapi

        with dbapi.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute("drop table if exists orders")
            cursor.adbc_ingest("orders", frame(cells).to_arrow(compat_level=pl.CompatLevel.oldest()))
            connection.commit()
        return Datasource(url)

    return write


def s3_parquet(url: str, bucket: str) -> Write:
    """Two files in folders of a bucket."""

    def write(cells: Cells) -> Datasource:
        for number, part in enumerate(_halves(cells)):
            file = io.BytesIO()
            part.write_parquet(file)
            put(url, bucket, f"lake/{number}/orders.parquet", file.getvalue())
        return Datasource(f"s3://{bucket}/lake/**/*.parquet?endpoint={url}")

    return write


def s3_csv(url: str, bucket: str) -> Write:
    """Two files with a space and a percent sign in their keys."""

    def write(cells: Cells) -> Datasource:
        for number, part in enumerate(_halves(cells)):
            put(url, bucket, f"our%20orders/no {number}.csv", as_csv(part))
        return Datasource(f"s3://{bucket}/our%20orders/*.csv")

    return write


def put(url: str, bucket: str, key: str, data: bytes) -> None:
    """Store an object as somebody else would."""
    s3: Any = client(url)
    s3.put_object(Bucket=bucket, Key=key, Body=data)


def as_csv(part: pl.DataFrame) -> bytes:
    """A frame as a CSV file with times as people write them."""
    return part.write_csv(
        datetime_format="%Y-%m-%d %H:%M:%S%.f%:z" if _zoned(part) else "%Y-%m-%d %H:%M:%S"
    ).encode()


def _zoned(part: pl.DataFrame) -> bool:
    return any(isinstance(kind, pl.Datetime) and kind.time_zone for kind in part.dtypes)


def _halves(cells: Cells) -> tuple[pl.DataFrame, pl.DataFrame]:
    whole = frame(cells)
    return whole[: len(whole) // 2], whole[len(whole) // 2 :]


def _affinity(cells: Cells, name: str) -> str:
    kinds = {type(row[name]) for row in cells}
    if kinds & {int, bool}:
        return "integer"
    return "real" if float in kinds else "text"


def _plain(cell: Any) -> Any:
    return str(cell) if isinstance(cell, dt.date | decimal.Decimal) else cell


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
