"""One pass over a snapshot's rows, in groups: Pandera, expressions, uniqueness, the target."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import msgspec
import numpy as np
import pandera.polars as pa
import polars as pl
from pandera.config import ValidationDepth, config_context
from pandera.constants import CHECK_OUTPUT_KEY
from pandera.errors import SchemaError, SchemaErrors

from pulse_blocks.errors import PulseError
from pulse_blocks.progress import report as progress
from pulse_blocks.protocol.columns import all_columns
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.protocol.translating import row_checks
from pulse_blocks.records import Snapshot
from pulse_blocks.stores.base import Store
from pulse_blocks.validation.broken import BrokenRows
from pulse_blocks.validation.expressions import Expression
from pulse_blocks.validation.groups import Group, frame_at, groups
from pulse_blocks.validation.schema import NOT_NULL, column_rules, frame_schema
from pulse_blocks.validation.tally import Rule, Tally
from pulse_blocks.validation.uniqueness import Uniqueness


class Found(msgspec.Struct, frozen=True):
    """What the pass saw. ``target_values`` stops at two distinct values of rows that break no row rule."""

    tally: Tally
    broken: BrokenRows
    newest: dt.datetime | None
    target_nulls: int
    target_values: tuple[object, ...]


class _Rules:
    """The protocol's rules on rows, ready to run."""

    def __init__(self, protocol: Protocol) -> None:
        self.schema = frame_schema(protocol)
        self.columns = {(c, check): Rule(columns=(c,), check=check) for c, check in column_rules(protocol)}
        self.expressions: dict[Rule, Expression] = {}
        self.unique: dict[Rule, Uniqueness] = {}
        row = {check.text: check for check in row_checks(protocol)}
        for check in protocol.checks:
            if check.expr is not None:
                expression = Expression(check, row.get(check.expr))
                columns = tuple(expression.columns)
                rule = Rule(columns=columns, check=expression.name, severity=check.severity)
                self.expressions[rule] = expression
            elif check.unique is not None:
                rule = Rule(columns=check.unique, check=check.name or "unique", severity=check.severity)
                self.unique[rule] = Uniqueness(check.unique)

    def all(self) -> Iterator[Rule]:
        yield from self.columns.values()
        yield from self.expressions
        yield from self.unique


def scan(protocol: Protocol, snapshot: Snapshot, store: Store) -> Found:
    """Read every chunk once (hash-checked) and apply every rule on rows."""
    rules = _Rules(protocol)
    columns = [column.name for column in all_columns(protocol)]
    private = [column.name for column in all_columns(protocol) if column.field.private]
    key = protocol.source.key
    tally, broken = Tally(rules.all(), key, private), BrokenRows()
    newest: dt.datetime | None = None
    nulls, values = 0, dict[object, None]()
    for group in groups(store, snapshot, columns):
        good = _apply(rules, group, tally)
        broken.keep(group, np.flatnonzero(~good))
        newest = _newest(newest, group.frame, protocol.source.time)
        target = group.frame.get_column(protocol.target.name)
        nulls += target.null_count()
        if len(values) < 2:
            values.update(
                dict.fromkeys(target.filter(pl.Series(good)).drop_nulls().unique(maintain_order=True).head(2))
            )
        progress("validate", group.start + group.frame.height, snapshot.rows)
        del group, target  # before the next one is made
    for rule, unique in rules.unique.items():
        rows = unique.repeated(lambda wanted, names: frame_at(store, snapshot, wanted, names))
        shown = list(dict.fromkeys((*key, *rule.columns)))
        if rows.size:
            tally.add(rule, rows, frame_at(store, snapshot, rows[:5], shown))
    return Found(tally, broken, newest, nulls, tuple(values)[:2])


def _apply(rules: _Rules, group: Group, tally: Tally) -> np.ndarray:
    """Note the rows of a group that break rules; gives the mask of those that break no error rule."""
    frame = group.frame
    good = np.ones(frame.height, np.bool_)
    broken = [(rules.columns[name], rows) for name, rows in broken_rows(rules.schema, frame)]
    broken += [(rule, expression.broken(frame)) for rule, expression in rules.expressions.items()]
    for rule, rows in broken:
        tally.add(rule, rows + group.start, frame[rows[:5]])
        if rule.severity == "error":
            good[rows] = False
    for unique in rules.unique.values():
        unique.add(frame, group.start)
    return good


def broken_rows(
    schema: pa.DataFrameSchema, frame: pl.DataFrame
) -> Iterator[tuple[tuple[str, str], np.ndarray]]:
    """Column and rule, with the positions of the rows that break it, all failures at once."""
    try:
        # Eager, and told explicitly: the environment may ask for less, and a lazy frame would get less.
        with config_context(validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA):
            schema.validate(frame, lazy=True)
    except SchemaErrors as errors:
        for error in errors.schema_errors:
            yield _failure(error, frame.height)


def _failure(error: SchemaError, height: int) -> tuple[tuple[str, str], np.ndarray]:
    output = error.check_output
    if not isinstance(output, pl.DataFrame) or output.height != height:
        raise PulseError(
            "validation.columns",
            f"The snapshot does not have the protocol's columns: {error}.",
            "Ingest the data again with this protocol.",
        )
    name = error.check if isinstance(error.check, str) else error.check.error
    rule = NOT_NULL if name == "not_nullable" else str(name)
    return (error.schema.name, rule), np.flatnonzero(~output[CHECK_OUTPUT_KEY].to_numpy())


def _newest(before: dt.datetime | None, frame: pl.DataFrame, time: str | None) -> dt.datetime | None:
    latest = frame.get_column(time).max() if time else None
    if isinstance(latest, dt.date) and not isinstance(latest, dt.datetime):
        latest = dt.datetime.combine(latest, dt.time(), dt.UTC)
    if not isinstance(latest, dt.datetime):
        return before
    return latest if before is None else max(before, latest)
