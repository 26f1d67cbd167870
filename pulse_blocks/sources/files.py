"""Parquet and CSV files, queried by polars' SQL as a table that is called like the datasource.

The chosen rows are held in memory, since files have no order to rely on.
"""

from __future__ import annotations

import contextlib
import dataclasses
import glob
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.sources import parameters
from pulse_blocks.sources.arrow import arrow_schema
from pulse_blocks.sources.base import Query, Rows, check_columns, not_empty
from pulse_blocks.sources.csv_types import codes, csv_types, with_digits
from pulse_blocks.sources.file_windows import literals
from pulse_blocks.sources.ordering import settle
from pulse_blocks.sources.values import IN_THE_CLEAR, WITHHELD, conform_batch

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

BATCH_ROWS = 8192
_SCAN = re.compile(r"\s*\w+ SCAN \[")  # a line of a plan
_PARQUET, _S3 = ".parquet", "s3://"


@dataclasses.dataclass(frozen=True)
class FileSource:
    """A Parquet or CSV file, or a pattern for several of one schema.

    On disk a pattern has ``*``, ``?`` and ``**``; in an ``s3://`` URL ``*`` and ``**``, options follow after ``?``.
    """

    path: str

    @property
    def parquet(self) -> bool:
        """Whether it is Parquet, by its name."""
        return plain_path(self.path).endswith(_PARQUET)

    def stream(self, query: Query) -> Rows:
        """See ``Source.stream``."""
        parameters.names(query)
        with (
            self._asked(query) as found,
            _refusals(query.datasource, self.path, "source.query", private=bool(query.private)),
        ):
            left_out = check_columns(query, found.collect_schema().names())
            rows = found.select([column.name for column in query.columns]).collect(engine="streaming")
        sortable = query.time is not None and rows.schema[query.time].is_temporal()
        if sortable and query.time and not rows.get_column(query.time).is_sorted():
            rows = rows.sort(query.time)
        batches = settle(_conformed(rows, query), query.order if sortable else (), query.datasource)
        return Rows(arrow_schema(query.columns), not_empty(query, batches), left_out, rows.height)

    def test(self) -> str:
        """See ``Source.test``."""
        name = plain_path(self.path)
        with _refusals(name, self.path, "source.unreadable"), self._table(name, {}) as table:
            names = table.collect_schema().names()
        return f"{name} can be read; it has the columns {', '.join(names)}."

    def peek(self, query: Query, most: int) -> pa.Table:
        """See ``Source.peek``."""
        parameters.names(query)
        with self._asked(query) as found, _refusals(query.datasource, self.path, "source.query"):
            return found.head(most).collect(engine="streaming").to_arrow()

    @contextlib.contextmanager
    def _asked(self, query: Query) -> Iterator[pl.LazyFrame]:
        """The rows of a query, not yet read, with all columns that it gives."""
        import polars as pl

        kinds: dict[str, str] = {column.name: column.field.type for column in query.columns}
        with contextlib.ExitStack() as stack:
            with _refusals(query.datasource, self.path, "source.unreadable"):
                table = stack.enter_context(self._table(query.datasource, kinds))
                ends = literals(table, query, csv=not self.parquet)
            sql = parameters.rewrite(parameters.statement(query.sql), lambda name: ends[name])
            with _refusals(query.datasource, self.path, "source.query"):
                _check_reads(query, sql, table.collect_schema())
                if not self.parquet and (digits := codes(query, sql, table.collect_schema())):
                    kinds |= dict.fromkeys(digits, "string")
                    text = stack.enter_context(self._table(query.datasource, kinds))
                    table = with_digits(table, text, digits)
                found = pl.SQLContext({query.datasource: table}).execute(sql)
            yield found

    @contextlib.contextmanager
    def _table(self, name: str, kinds: Mapping[str, str]) -> Iterator[pl.LazyFrame]:
        """All files as one lazy frame whose times are naive and in UTC. Raises PulseError where there is none."""
        import polars as pl

        with self._files() as (paths, options):
            if not paths:
                raise PulseError(
                    "source.missing",
                    f"Datasource {name}: there is no file {plain_path(self.path)}.",
                    "Correct the datasource's URL, or create the file.",
                )
            if self.parquet:
                table = pl.scan_parquet(paths, glob=False, storage_options=options)
            else:
                types = csv_types(paths, kinds)
                table = pl.scan_csv(paths, glob=False, schema_overrides=types, infer_schema=False)
            zoned = [
                column
                for column, kind in table.collect_schema().items()
                if isinstance(kind, pl.Datetime) and kind.time_zone is not None
            ]
            yield table.with_columns(pl.col(zoned).dt.convert_time_zone("UTC").dt.replace_time_zone(None))

    @contextlib.contextmanager
    def _files(self) -> Iterator[tuple[list[str], dict[str, str] | None]]:
        """Every file, in the order of names, and what a reader of a bucket needs.

        Parquet is read where it is, and only the parts that the query needs. CSV is read several times from its
        beginning to its end: copies of it lie in a folder of this user's own, for as long as that takes.
        """
        if not self.path.startswith(_S3):
            pattern = self.path.replace("[", "[[]")  # which is itself, as in a bucket
            yield sorted(glob.glob(pattern, recursive=True)), None  # noqa: PTH207 - the pattern may be absolute
            return
        from pulse_blocks.stores.s3_files import find_files

        found = find_files(self.path)
        if self.parquet:
            yield found.urls, found.options()
            return
        with tempfile.TemporaryDirectory(prefix="pulse-csv-") as folder:
            yield found.fetch(Path(folder)), None


def plain_path(path: str) -> str:
    """A file's path or URL without the options that an ``s3://`` URL may have."""
    return path.partition("?")[0] if path.startswith(_S3) else path


def _check_reads(query: Query, sql: str, schema: pl.Schema) -> None:
    """Raises PulseError("source.query") for a query that reads files itself, such as by ``read_parquet('...')``.

    It is planned over an empty frame in memory: any scan of files in that plan is none of the datasource's.
    """
    import polars as pl

    plan = pl.SQLContext({query.datasource: schema.to_frame()}).execute(sql).explain(optimized=False)
    if any(_SCAN.match(line) for line in plan.splitlines()):
        raise PulseError(
            "source.query",
            f"The query on datasource {query.datasource} reads another file.",
            f"Select from {query.datasource} alone; another file is another datasource.",
        )


def _conformed(rows: pl.DataFrame, query: Query) -> Iterator[pa.RecordBatch]:
    schema = arrow_schema(query.columns)
    for part in rows.iter_slices(BATCH_ROWS):
        for raw in part.to_arrow().to_batches():
            arrays = {name: [raw.column(name)] for name in raw.schema.names}
            yield conform_batch(query, schema, arrays)


@contextlib.contextmanager
def _refusals(name: str, path: str, code: str, *, private: bool = False) -> Iterator[None]:
    """The library's errors as ours. Those that quote values are not repeated where some are ``private``."""
    import polars as pl

    place = plain_path(path)
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        quoting = (
            pl.exceptions.ComputeError,
            pl.exceptions.InvalidOperationError,
            pl.exceptions.PanicException,
        )
        if private and isinstance(error, quoting):
            raise PulseError(code, f"Datasource {name} ({place}): {WITHHELD}", IN_THE_CLEAR) from None
        reason = str(error).partition("\n")[0]
        hint = "Correct source.query in the protocol." if code == "source.query" else "Look at the file."
        raise PulseError(code, f"Datasource {name} ({place}): {reason}.", hint) from error
    except PermissionError as error:
        raise PulseError(
            "source.denied", f"Datasource {name}: {place} may not be read by this user."
        ) from error
    except OSError as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise UnavailableError(
            "source.failed", f"Datasource {name}: {place} cannot be read: {reason}."
        ) from error
