"""The query and its window belong together."""

from __future__ import annotations

from pulse_blocks.protocol.problems import Path, Problems
from pulse_blocks.protocol.spec import Protocol, WindowSpec
from pulse_blocks.protocol.sql import parameters
from pulse_blocks.protocol.window import parse_time

_WINDOW: Path = ("source", "window")


def check(protocol: Protocol, problems: Problems) -> None:
    """The window is one of its two forms; the query uses ``:start`` and ``:end`` where there is one."""
    source = protocol.source
    for part, fields in (("features", protocol.features), ("columns", protocol.columns)):
        if source.time in fields and fields[source.time].private:
            problems.add(
                (part, source.time, "private"),
                "private_time",
                "The event time cannot be private: rows are found by it.",
                "Leave it out of source, or keep it.",
            )
    query: Path = ("source", "query")
    if not source.query.strip():
        problems.add(query, "empty", "The query is empty.")
        return
    used = parameters(source.query)
    wanted = {"start", "end"} if source.window is not None else set()
    for name in sorted(wanted - used, reverse=True):
        problems.add(
            query,
            "window_unused",
            f"The query does not use :{name}, so it would read the same rows whatever the window.",
            "Compare the event time with :start and :end, or remove source.window.",
        )
    for name in sorted(used - wanted):
        if name in ("start", "end"):
            message, hint = f"The query uses :{name}, but there is no window.", "Add source.window."
        else:
            message, hint = f"The query uses :{name}, which nothing binds.", "There are :start and :end."
        problems.add(query, "unbound_parameter", message, hint)
    if source.window is not None:
        _window(source.window, problems)


def _window(window: WindowSpec, problems: Problems) -> None:
    fixed = {"start": window.start, "end": window.end}
    given = [name for name, value in fixed.items() if value is not None]
    if window.last is not None:
        for name in given:
            problems.add(
                (*_WINDOW, name), "two_windows", f"{name} and last are both here.", "Keep one of the two."
            )
        return
    if len(given) < 2:
        missing = "start and end" if not given else "end" if given == ["start"] else "start"
        problems.add(
            _WINDOW,
            "missing_key",
            f"The window needs {missing}.",
            "Write {start: 2013-01-01, end: 2013-04-01} or {last: 90d}.",
        )
    times = {}
    for name in given:
        try:
            times[name] = parse_time(str(fixed[name]))
        except ValueError:
            problems.add(
                (*_WINDOW, name),
                "bad_time",
                f"{str(fixed[name])[:40]!r} is not an ISO date or time.",
                "Write it like 2013-01-01 or 2013-01-01T06:00:00Z.",
            )
    if len(times) == 2 and times["start"] >= times["end"]:
        problems.add(
            (*_WINDOW, "end"), "empty_range", "The window ends before it begins.", "The end is not included."
        )
