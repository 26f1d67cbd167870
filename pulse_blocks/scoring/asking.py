"""From what a person asked for to the rows of a datasource."""

from __future__ import annotations

import datetime as dt

import msgspec

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.requests import request_columns
from pulse_blocks.protocol.spec import Protocol, WindowSpec
from pulse_blocks.protocol.window import resolve
from pulse_blocks.records import Window
from pulse_blocks.scoring.records import Asked
from pulse_blocks.settings import Workspace
from pulse_blocks.sources import Query, Rows, Source, open_source
from pulse_blocks.sources.finding import find_datasource


def asked(
    protocol: Protocol,
    start: str | None,
    end: str | None,
    datasource: str | None,
    query: str | None,
    now: dt.datetime,
) -> Asked:
    """What to read: as in training, unless another datasource, query or window is given.

    ``start`` and ``end`` are ISO dates or times in UTC, the end not included. Raises PulseError for a window that
    is none.
    """
    source = protocol.source
    return Asked(
        name=protocol.name,
        datasource=datasource or source.datasource,
        query=query or source.query,
        window=_window(protocol, start, end, now, own_query=query is not None),
        of_protocol=datasource is None and query is None,
    )


def _window(
    protocol: Protocol, start: str | None, end: str | None, now: dt.datetime, *, own_query: bool
) -> Window | None:
    """A query of one's own may take a window where the protocol's takes none."""
    if own_query and start and end:
        window = WindowSpec(start=start, end=end)
        protocol = msgspec.structs.replace(
            protocol, source=msgspec.structs.replace(protocol.source, window=window)
        )
    return resolve(protocol, start, end, now)


def rows(workspace: Workspace, protocol: Protocol, wanted: Asked) -> Rows:
    """The rows, streamed in canonical types and order: the features, and time and key where they are given.

    Raises PulseError where a feature or a part of the key is missing, where there is no row, and what the source
    raises.
    """
    source = open_source(find_datasource(wanted.datasource, workspace))
    query = Query(
        datasource=wanted.datasource,
        sql=wanted.query,
        columns=request_columns(protocol),
        window=wanted.window,
        time=protocol.source.time,
        key=protocol.source.key,
    )
    return source.stream(query if wanted.of_protocol else _as_given(source, query))


def _as_given(source: Source, query: Query) -> Query:
    """The query without a time that it does not give. Predictions without a key would be of no use."""
    given = source.peek(query, 1).column_names
    if lacking := [name for name in query.key if name not in given]:
        raise PulseError(
            "scoring.no_key",
            f"The query on datasource {query.datasource} does not give {', '.join(lacking)}, the key of its rows.",
            f"It gives {', '.join(given)}. Without the key nobody could tell which row a prediction belongs to.",
        )
    if query.time is None or query.time in given:
        return query
    columns = tuple(column for column in query.columns if column.name != query.time)
    # A time that is a feature is missed by the source itself.
    features = tuple(column for column in query.columns if column.role == "feature")
    kept = columns if all(column in columns for column in features) else query.columns
    return msgspec.structs.replace(query, columns=kept, time=None)
