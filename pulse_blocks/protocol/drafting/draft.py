"""The draft as YAML with comments: it loads as it is, and says where a person must decide."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import structs

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.drafting.roles import Roles, guess
from pulse_blocks.protocol.drafting.seen import Seen, look
from pulse_blocks.protocol.spec import ColumnName
from pulse_blocks.protocol.sql import parameters
from pulse_blocks.protocol.writing import quoted, scalar

_FEATURES = ("float", "int", "bool", "category")
DECIDE = "# DECIDE:"


def draft(table: Any, name: str, datasource: str, query: str) -> str:
    """A protocol for the rows of a pa.Table, some of those that ``query`` gives.

    Raises PulseError where there are no rows, or no column that a model could predict.
    """
    if not table.num_rows:
        raise PulseError("draft.empty", "The query gives no rows to look at.", "Look at its conditions.")
    found, skipped = [], []
    for column in table.column_names:
        seen = look(column, table.column(column)) if _is_name(column) else None
        if seen is None:
            skipped.append(column)
        else:
            found.append(seen)
    roles = guess(found)
    if roles is None or not _features(found, roles):
        raise PulseError(
            "draft.no_target",
            "No model can be drafted from these columns: one to predict and one to predict it from are needed.",
            f"Seen were: {', '.join(table.column_names)}.",
        )
    lines = [
        f"# A draft from the first {table.num_rows:,} rows. Every mark is a decision that data cannot take.",
        *_head(name, roles),
        *_source(datasource, query, roles),
        *_columns(found, roles, skipped),
        *_end(roles),
    ]
    return "\n".join(lines) + "\n"


def _head(name: str, roles: Roles) -> Iterator[str]:
    yield from ("pulse: 1", f"name: {name}", "version: 1.0.0")
    yield f'description: ""  {DECIDE} what does the model answer, in one sentence?'
    yield f'owner: ""  {DECIDE} who answers for it?'
    yield f"task: {roles.task}"


def _source(datasource: str, query: str, roles: Roles) -> Iterator[str]:
    yield from ("", "source:", f"  datasource: {datasource}", *_query(query))
    used = parameters(query)
    if {"start", "end"} <= used and roles.time is not None and roles.time.first and roles.time.last:
        yield f"  window: {{start: {roles.time.first}, end: {_after(roles.time.last)}}}  {DECIDE} or {{last: 90d}}?"
    elif {"start", "end"} <= used:
        yield f"  window: {{last: 90d}}  {DECIDE} how far back does a model learn?"
    elif roles.time is not None:
        yield f"  {DECIDE} a window? Compare {scalar(roles.time.name)} with :start and :end in the query."
    if roles.time is not None:
        yield f"  time: {scalar(roles.time.name)}  {DECIDE} is this when the event happened?"
    if roles.key is not None:
        yield f"  key: [{scalar(roles.key.name)}]  {DECIDE} does it name a row for ever?"


def _query(query: str) -> Iterator[str]:
    lines = [line.rstrip() for line in query.strip().splitlines()]
    if len(lines) > 1 and all(line.isprintable() for line in lines):
        yield "  query: |"
        yield from (f"    {line}".rstrip() for line in lines)
    else:
        yield f"  query: {quoted(query.strip())}"


def _columns(found: Sequence[Seen], roles: Roles, skipped: Sequence[str]) -> Iterator[str]:
    features = _features(found, roles)
    yield from (
        "",
        f"{DECIDE} is each of these known when the question is asked? What is not goes to columns.",
        "features:",
    )
    for one in features:
        yield _field(one)
    others = [
        one for one in found if one not in features and one is not roles.target and one is not roles.time
    ]
    if others:
        yield from ("", "# In the data, not given to the model.", "columns:")
        for one in others:
            yield _field(structs.replace(one, least=None) if one is roles.key else one)
    for name in skipped:
        yield f"# {quoted(name)} is left out: it holds null alone, or what a protocol has no type or name for."
    target = roles.target
    more = f", values: {_values(target)}" if target.values else ""
    doubt = "the guess is from its name" if roles.certain else "nothing but a guess"
    yield from (
        "",
        f"target: {{name: {scalar(target.name)}, type: {target.type}{more}}}  {DECIDE} is it? {doubt}.",
    )
    if target.nulls:
        yield f"# It is null in {target.nulls:,} rows: leave those out in the query (where ... is not null)."


def _features(found: Sequence[Seen], roles: Roles) -> list[Seen]:
    return [
        one for one in found if one.type in _FEATURES and one not in (roles.target, roles.time, roles.key)
    ]


def _field(one: Seen) -> str:
    rules: list[str] = [f"type: {one.type}"]
    said: list[str] = []
    if one.type in ("float", "int") and one.least is not None and one.greatest is not None:
        low, high = _bounds(one.least, one.greatest, whole=one.type == "int")
        rules += [f"ge: {_number(low)}", f"le: {_number(high)}"]
        said.append(f"seen {one.least:g} to {one.greatest:g}")
    if one.values:
        rules.append(f"values: {_values(one)}")
        said.append("are these all?")
    if one.nulls:
        rules.append("nullable: true")
        said.append(f"null in {one.nulls / one.rows:.1%}")
    comment = f"  {DECIDE} {'; '.join(said)}" if said else ""
    if one.note:
        comment = f"{comment}; {one.note}" if comment else f"  # {one.note}"
    return f"  {scalar(one.name)}: {{{', '.join(rules)}}}{comment}"


def _bounds(least: float, greatest: float, *, whole: bool) -> tuple[float, float]:
    """Wider than seen by half, at round numbers; what was never negative stays so."""
    room = (greatest - least) / 2 or abs(greatest) / 2 or 1
    if not (math.isfinite(least - 2 * room) and math.isfinite(greatest + 2 * room)):
        return least, greatest
    step = 10.0 ** math.floor(math.log10(room)) if room > 1e-300 else room
    low = 0.0 if least >= 0 else math.floor((least - room) / step) * step
    high = 0.0 if greatest <= 0 else math.ceil((greatest + room) / step) * step
    if whole:
        return max(math.floor(min(low, least)), -(2**63)), min(math.ceil(max(high, greatest)), 2**63 - 1)
    return float(f"{min(low, least):.12g}"), float(f"{max(high, greatest):.12g}")


def _values(one: Seen) -> str:
    return f"[{', '.join(scalar(value) for value in one.values)}]"


def _end(roles: Roles) -> Iterator[str]:
    if roles.key is not None:
        yield from ("", "checks:", f"  - {{unique: [{scalar(roles.key.name)}]}}")
    split = "time" if roles.time is not None else "random"
    yield from ("", "training:", f"  split: {{by: {split}, test: 0.2}}")
    yield f"  {DECIDE} which metric must a model reach to be deployed? gates: [{{metric: ..., at_least: ...}}]"


def _after(day: str) -> str:
    import datetime as dt

    try:
        return (dt.date.fromisoformat(day) + dt.timedelta(days=1)).isoformat()
    except OverflowError:
        return day


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(value)


def _is_name(name: str) -> bool:
    try:
        msgspec.convert(name, ColumnName)
    except msgspec.ValidationError:
        return False
    return True
