"""Row rules written as SQL expressions, by polars' own parser: never by eval.

One over features alone is evaluated from its tree, as the runtime does for a request.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable

import numpy as np
import polars as pl

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.expressions import Column, Constant, RowCheck, Tree
from pulse_blocks.protocol.spec import CheckSpec


class Expression:
    """``expr`` of a check. As in SQL's CHECK, a row passes unless the expression is false: null passes."""

    def __init__(self, check: CheckSpec, row_check: RowCheck | None = None) -> None:
        """``row_check`` is the same check, where a request is held to it as well."""
        self.text = check.expr or ""
        self.name = check.name or self.text
        try:
            self._expr = pl.sql_expr(self.text)
            self.columns = list(dict.fromkeys(self._expr.meta.root_names()))
            if row_check is not None:
                self._expr = as_polars(row_check.tree)
        except pl.exceptions.PolarsError as error:
            raise self._refusal(str(error)) from None

    def broken(self, frame: pl.DataFrame) -> np.ndarray:
        """The positions in ``frame`` of the rows for which the expression is false."""
        try:
            result = frame.select(self._expr.alias("holds")).to_series()
        except pl.exceptions.PolarsError as error:
            raise self._refusal(str(error)) from None
        if result.dtype != pl.Boolean:
            raise self._refusal(f"it gives {result.dtype}, not true or false")
        if result.len() != frame.height:
            raise self._refusal("it gives one value for all rows, not one for each row")
        return np.flatnonzero((~result.fill_null(True)).to_numpy())

    def _refusal(self, reason: str) -> PulseError:
        first_line = reason.strip().splitlines()[0] if reason.strip() else "it cannot be read"
        return PulseError(
            "validation.check",
            f"The check {self.name} cannot be evaluated: {first_line.rstrip('.')}.",
            "Write an SQL expression over the protocol's columns that is true or false for each row.",
        )


def as_polars(tree: Tree) -> pl.Expr:
    """The expression that a tree stands for, with the types that the tree says."""
    if isinstance(tree, Column):
        return pl.col(tree.name)
    if isinstance(tree, Constant):
        return pl.lit(tree.value, dtype=pl.Int64 if type(tree.value) is int else None)
    if tree.op == "in":
        return as_polars(tree.operands[0]).is_in(
            [one.value for one in tree.operands[1:] if isinstance(one, Constant)]
        )
    operands = [as_polars(operand) for operand in tree.operands]
    if tree.op == "coalesce":
        return pl.coalesce(operands)
    return functools.reduce(_BINARY[tree.op], operands) if len(operands) > 1 else _UNARY[tree.op](operands[0])


_UNARY: dict[str, Callable[[pl.Expr], pl.Expr]] = {
    "not": operator.invert,
    "is null": pl.Expr.is_null,
    "is not null": pl.Expr.is_not_null,
    "abs": pl.Expr.abs,
    "float": lambda operand: operand.cast(pl.Float64),
}
_BINARY: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "and": operator.and_,
    "or": operator.or_,
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
