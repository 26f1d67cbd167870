"""The window of a query on files, as literals of the kind of the files' times."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pulse_blocks.sources import parameters
from pulse_blocks.sources.base import Query
from pulse_blocks.sources.ordering import several_forms
from pulse_blocks.sources.times import binding, offset_in

if TYPE_CHECKING:
    import polars as pl

_EVER = {"start": "'0000-01-01'", "end": "'9999-12-31'"}


def literals(table: pl.LazyFrame, query: Query, *, csv: bool) -> dict[str, str]:
    """The ends of the window as SQL literals.

    They are made here from parsed times, digits and punctuation only, since polars' SQL binds no parameters. Raises
    PulseError for times as text of several offsets.
    """
    import polars as pl

    if not parameters.names(query):
        return {}
    sample: object = "" if csv else None  # a CSV file holds no other times than text
    times = _times(table, query)
    if times is not None:
        some = times.drop_nulls().head(1).collect()
        sample = some.item() if some.height else sample
        if zone := offset_in(sample):
            others = times.filter(~pl.first().str.ends_with(zone)).head(1).collect()
            if others.height:
                raise several_forms(query.datasource, query.time or "")
    ends = binding(query.window, sample)
    if sample is None:
        return {name: f"timestamp '{end}'" for name, end in ends.items()}
    return {name: str(end) if isinstance(end, int) else f"'{end}'" for name, end in ends.items()}


def _times(table: pl.LazyFrame, query: Query) -> pl.LazyFrame | None:
    """The one column of times where they are text or seconds.

    Of the files, or else of the query, which may give a column of theirs that name: asked for text of all times, it
    gives those that it compares with text.
    """
    import polars as pl

    if query.time is None:
        return None
    if query.time not in table.collect_schema():
        sql = parameters.rewrite(parameters.statement(query.sql), lambda name: _EVER[name])
        with contextlib.suppress(pl.exceptions.PolarsError):
            found = pl.SQLContext({query.datasource: table}).execute(sql).select(query.time)
            found.head(0).collect()  # which is where text that is compared with other than text is an error
            return found if found.collect_schema()[query.time] == pl.String else None
        return None
    times = table.select(query.time)
    return None if times.collect_schema()[query.time].is_temporal() else times
