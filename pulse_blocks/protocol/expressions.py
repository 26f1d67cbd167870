"""Checks over features alone, as plain data: a request is held to the same expressions as a column.

``translating.py`` makes a tree of an SQL expression once, with every conversion spelled out; the tree lies in the
serving bundle. The runtime evaluates it here with nothing but msgspec, validation on whole columns by polars.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from pulse_blocks.errors import PulseError

Op = Literal[
    "and", "or", "not", "=", "<", "<=", ">", ">=", "in", "is null", "is not null",
    "+", "-", "*", "/", "abs", "coalesce", "float",
]  # fmt: skip
Row = Sequence[Any]
Evaluator = Callable[[Row], Any]


class Column(msgspec.Struct, frozen=True, tag="column"):
    """The value of a feature."""

    name: str


class Constant(msgspec.Struct, frozen=True, tag="constant"):
    """A literal. An integer has 64 bits, a float is finite."""

    value: bool | int | float | str


class Operation(msgspec.Struct, frozen=True, tag="operation"):
    """``op`` applied to operands: arithmetic to floats, a comparison to two of one type.

    The first operand of ``in`` is looked for among the others, which are constants. ``float`` converts.
    """

    op: Op
    operands: tuple[Column | Constant | Operation, ...]


Tree = Column | Constant | Operation


class RowCheck(msgspec.Struct, frozen=True, kw_only=True):
    """A check that each record passes unless it is false. ``name`` and ``text`` are those of the protocol."""

    name: str
    text: str
    columns: tuple[str, ...]
    tree: Tree


def checker(columns: Sequence[str], checks: Sequence[RowCheck]) -> Callable[[Row], str | None]:
    """A function from a record's values, in the order of ``columns``, to why it is refused (None: it is not).

    As in SQL's CHECK, a record passes where an expression is null. Raises PulseError for a tree that does not
    fit the columns, before any record is looked at.
    """
    positions = {name: position for position, name in enumerate(columns)}
    compiled = [(_sound(check, positions), _message(check)) for check in checks]

    def refusal(row: Row) -> str | None:
        broken = [message for holds, message in compiled if holds(row) is False]
        return " ".join(broken) or None

    return refusal


def evaluator(tree: Tree, positions: Mapping[str, int]) -> Evaluator:
    """A function from a record's values to the tree's value: None is SQL's null."""
    if isinstance(tree, Column):
        return operator.itemgetter(positions[tree.name])
    if isinstance(tree, Constant):
        value = tree.value
        return lambda _: value
    return _operation(tree, [evaluator(operand, positions) for operand in tree.operands])


def _sound(check: RowCheck, positions: Mapping[str, int]) -> Evaluator:
    try:
        return evaluator(check.tree, positions)
    except (KeyError, IndexError, TypeError):
        raise PulseError(
            "protocol.bad_expression",
            f"The check {check.name} does not fit the features.",
            "Run the model again: its bundle was written for another protocol.",
        ) from None


def _message(check: RowCheck) -> str:
    named = check.name if check.name == check.text else f"{check.name} ({check.text})"
    *others, last = check.columns
    given = f"{', '.join(others)} and {last} together do" if others else f"{last} does"
    return f"{given} not pass the check {named}."


def _operation(tree: Operation, operands: list[Evaluator]) -> Evaluator:
    if tree.op in ("and", "or"):
        return _all(operands) if tree.op == "and" else _any(operands)
    if tree.op == "coalesce":
        return _first(operands)
    if tree.op == "in":
        return _among(operands[0], [one.value for one in tree.operands[1:] if isinstance(one, Constant)])
    if len(operands) == 1:
        return _unary(_UNARY[tree.op], operands[0], null=_OF_NULL.get(tree.op))
    if tree.op == "-" and tree.operands[0] == Constant(0.0):
        # In a column polars turns the sign, also that of zero: 1 / -0.0 is below everything.
        return _unary(operator.neg, operands[1], null=None)
    return _binary(_BINARY[tree.op], *operands)


def _all(operands: Sequence[Evaluator]) -> Evaluator:
    def holds(row: Row) -> bool | None:
        values = [operand(row) for operand in operands]
        return False if False in values else None if None in values else True

    return holds


def _any(operands: Sequence[Evaluator]) -> Evaluator:
    def holds(row: Row) -> bool | None:
        values = [operand(row) for operand in operands]
        return True if True in values else None if None in values else False

    return holds


def _first(operands: Sequence[Evaluator]) -> Evaluator:
    def value(row: Row) -> Any:
        return next((found for one in operands if (found := one(row)) is not None), None)

    return value


def _among(operand: Evaluator, values: Sequence[Any]) -> Evaluator:
    known = frozenset(values)

    def holds(row: Row) -> bool | None:
        value = operand(row)
        return None if value is None else value in known

    return holds


def _unary(apply: Callable[[Any], Any], operand: Evaluator, null: bool | None) -> Evaluator:
    def value(row: Row) -> Any:
        given = operand(row)
        return null if given is None else apply(given)

    return value


def _binary(apply: Callable[[Any, Any], Any], left: Evaluator, right: Evaluator) -> Evaluator:
    def value(row: Row) -> Any:
        first, second = left(row), right(row)
        return None if first is None or second is None else apply(first, second)

    return value


def _equal(left: Any, right: Any) -> bool:
    # What is divided may be NaN; in polars it equals itself and is greater than any other number.
    return bool(left == right or (left != left and right != right))  # noqa: PLR0124 - that is what NaN is


def _less(left: Any, right: Any) -> bool:
    return bool(left < right or (left == left and right != right))  # noqa: PLR0124 - that is what NaN is


def _at_most(left: Any, right: Any) -> bool:
    return not _less(right, left)


def _divided(left: float, right: float) -> float:
    """As IEEE 754 has it, where Python raises: 1/0 is infinite, 0/0 is NaN."""
    try:
        return left / right
    except ZeroDivisionError:
        return left * math.copysign(math.inf, right)


_UNARY: dict[str, Callable[[Any], Any]] = {
    "not": operator.not_,
    "is null": lambda _: False,
    "is not null": lambda _: True,
    "abs": abs,
    "float": float,
}
_OF_NULL = {"is null": True, "is not null": False}
_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "=": _equal,
    "<": _less,
    "<=": _at_most,
    ">": lambda left, right: _less(right, left),
    ">=": lambda left, right: _at_most(right, left),
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divided,
}
