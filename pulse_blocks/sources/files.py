"""Parquet and CSV files, queried by polars' SQL as a table that is called like the datasource.

A CSV file has no types: columns that the protocol calls string, category or a time are read as text, all others by what
the whole file holds. The chosen rows are held in memory, since files have no order to rely on.
"""

from __future__ import annotations

import contextlib
import dataclasses
import glob
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.sources import parameters
from pulse_blocks.sources.arrow import arrow_schema
from pulse_blocks.sources.base import Query, Rows, check_columns, not_empty
from pulse_blocks.sources.ordering import settle
from pulse_blocks.sources.times import binding
from pulse_blocks.sources.values import conform_batch

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

BATCH_ROWS = 8192
_PARQUET = ".parquet"
_TEXT = ("string", "category", "timestamp", "date")


@dataclasses.dataclass(frozen=True)
class FileSource:
    """A Parquet or CSV file, or a pattern for several of one schema (``*``, ``?``, ``**``)."""

    path: str

    def stream(self, query: Query) -> Rows:
        """See ``Source.stream``."""
        import polars as pl

        parameters.names(query)
        texts = [column.name for column in query.columns if column.field.type in _TEXT]
        with _refusals(query.datasource, self.path, "source.unreadable"):
            table = self._scan(query.datasource, texts)
            literals = _literals(table, query, csv=not self.path.endswith(_PARQUET))
        sql = parameters.rewrite(parameters.statement(query.sql), lambda name: literals[name])
        with _refusals(query.datasource, self.path, "source.query"):
            found = pl.SQLContext({query.datasource: table}).execute(sql)
            left_out = check_columns(query, found.collect_schema().names())
            rows = found.select([column.name for column in query.columns]).collect(engine="streaming")
        sortable = query.time is not None and rows.schema[query.time].is_temporal()
        if sortable and query.time:
            rows = rows.sort(query.time)
        batches = settle(_conformed(rows, query), query.order if sortable else (), query.datasource)
        return Rows(arrow_schema(query.columns), not_empty(query, batches), left_out, rows.height)

    def test(self) -> str:
        """See ``Source.test``."""
        with _refusals(self.path, self.path, "source.unreadable"):
            names = self._scan(self.path, []).collect_schema().names()
        return f"{self.path} can be read; it has the columns {', '.join(names)}."

    def peek(self, query: Query, most: int) -> pa.Table:
        """See ``Source.peek``."""
        import polars as pl

        parameters.names(query)
        with _refusals(query.datasource, self.path, "source.unreadable"):
            table = self._scan(query.datasource, [])
            literals = _literals(table, query, csv=not self.path.endswith(_PARQUET))
        sql = parameters.rewrite(parameters.statement(query.sql), lambda name: literals[name])
        with _refusals(query.datasource, self.path, "source.query"):
            rows = (
                pl.SQLContext({query.datasource: table}).execute(sql).head(most).collect(engine="streaming")
            )
        return rows.to_arrow()

    def _scan(self, name: str, texts: list[str]) -> pl.LazyFrame:
        """All files as one lazy frame whose times are naive and in UTC. Raises PulseError where there is none."""
        import polars as pl

        if not glob.glob(self.path, recursive=True):  # noqa: PTH207 - the pattern may be absolute
            raise PulseError(
                "source.missing",
                f"Datasource {name}: there is no file {self.path}.",
                "Correct the datasource's URL, or create the file.",
            )
        if self.path.endswith(_PARQUET):
            table = pl.scan_parquet(self.path)
        else:
            header = pl.scan_csv(self.path, infer_schema=False).collect_schema().names()
            known = {column: pl.String() for column in texts if column in header}
            table = pl.scan_csv(self.path, schema_overrides=known, infer_schema_length=None)
        zoned = [
            column
            for column, kind in table.collect_schema().items()
            if isinstance(kind, pl.Datetime) and kind.time_zone is not None
        ]
        return table.with_columns(pl.col(zoned).dt.convert_time_zone("UTC").dt.replace_time_zone(None))


def _literals(table: pl.LazyFrame, query: Query, *, csv: bool) -> dict[str, str]:
    """The ends of the window as SQL literals of the kind of the file's times.

    They are made here from parsed times, digits and punctuation only, since polars' SQL binds no parameters.
    """
    schema = table.collect_schema()
    kind = schema.get(query.time or "")
    sample: object = "" if csv else None  # a CSV file holds no other times than text
    if query.time and kind is not None and not kind.is_temporal():
        some = table.select(query.time).drop_nulls().head(1).collect()
        sample = some.item() if some.height else sample
    ends = binding(query.window, sample)
    if sample is None:
        return {name: f"timestamp '{end}'" for name, end in ends.items()}
    return {name: str(end) if isinstance(end, int) else f"'{end}'" for name, end in ends.items()}


def _conformed(rows: pl.DataFrame, query: Query) -> Iterator[pa.RecordBatch]:
    schema = arrow_schema(query.columns)
    for part in rows.iter_slices(BATCH_ROWS):
        for raw in part.to_arrow().to_batches():
            arrays = {name: [raw.column(name)] for name in raw.schema.names}
            yield conform_batch(query, schema, arrays)


@contextlib.contextmanager
def _refusals(name: str, path: str, code: str) -> Iterator[None]:
    """The library's errors as ours."""
    import polars as pl

    try:
        yield
    except pl.exceptions.PolarsError as error:
        reason = str(error).partition("\n")[0]
        hint = "Correct source.query in the protocol." if code == "source.query" else "Look at the file."
        raise PulseError(code, f"Datasource {name} ({path}): {reason}.", hint) from error
    except PermissionError as error:
        raise PulseError(
            "source.denied", f"Datasource {name}: {path} may not be read by this user."
        ) from error
    except OSError as error:
        raise UnavailableError(
            "source.failed", f"Datasource {name}: {path} cannot be read: {error}."
        ) from error
