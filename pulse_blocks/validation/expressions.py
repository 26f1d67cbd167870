"""Row rules written as SQL expressions, by polars' own parser: never by eval."""

from __future__ import annotations

import numpy as np
import polars as pl

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.spec import CheckSpec


class Expression:
    """``expr`` of a check. As in SQL's CHECK, a row passes unless the expression is false: null passes."""

    def __init__(self, check: CheckSpec) -> None:
        self.text = check.expr or ""
        self.name = check.name or self.text
        try:
            self._expr = pl.sql_expr(self.text)
            self.columns = list(dict.fromkeys(self._expr.meta.root_names()))
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
