"""An SQL expression over features to the tree of ``expressions.py``: parsed by polars, never by hand, never run.

polars parses SQL and can write what it has parsed as JSON. That form is its own and may change between versions:
what is not known here is refused when a protocol is checked, and never evaluated differently. Every conversion
becomes explicit: integers are compared with integers exactly, any other pair of numbers, and all arithmetic,
is in 64-bit floats.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any, Literal

import msgspec

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.expressions import Column, Constant, Op, Operation, RowCheck, Tree
from pulse_blocks.protocol.spec import FieldSpec, Protocol

Kind = Literal["bool", "int", "float", "text"]
Typed = tuple[Tree, Kind]
_DEEPEST = 50
_COMPARISONS: dict[str, Op] = {"Eq": "=", "Lt": "<", "LtEq": "<=", "Gt": ">", "GtEq": ">="}
_ARITHMETIC: dict[str, Op] = {
    "Plus": "+", "Minus": "-", "Mul": "*", "Multiply": "*", "Div": "/", "TrueDivide": "/"
}  # fmt: skip
_LOGIC: dict[str, Op] = {"And": "and", "Or": "or"}
_HINT = (
    "Over features alone a check also holds for requests. It takes comparisons, and, or, not, between, in, is null, "
    "+ - * /, abs and coalesce; anything else can be a column of the query."
)


def row_checks(protocol: Protocol) -> tuple[RowCheck, ...]:
    """The checks of severity ``error`` over features alone: those that a request is held to as well.

    Raises PulseError for an expression that ``pulse check`` refuses.
    """
    found = []
    for check in protocol.checks:
        if check.expr is not None and check.severity == "error":
            names = root_names(check.expr)
            if over_features(names, protocol):
                tree = translate(check.expr, protocol.features)
                name = check.name or check.expr
                found.append(RowCheck(name=name, text=check.expr, columns=names, tree=tree))
    return tuple(found)


def root_names(text: str) -> tuple[str, ...]:
    """The columns that an expression names, each once. Raises PulseError where it is none."""
    import polars as pl

    try:
        return tuple(dict.fromkeys(pl.sql_expr(text).meta.root_names()))
    except pl.exceptions.PolarsError as error:
        raise _refusal(f"it cannot be read: {str(error).splitlines()[0]}") from None


def over_features(names: Iterable[str], protocol: Protocol) -> bool:
    """Whether an expression over these columns can be asked of a request."""
    used = set(names)
    return bool(used) and used <= protocol.features.keys()


def translate(text: str, fields: Mapping[str, FieldSpec]) -> Tree:
    """The tree of an expression that is true or false for each record.

    Raises PulseError ``protocol.bad_expression`` for what has no meaning over ``fields``, and for what the
    runtime cannot evaluate.
    """
    import polars as pl

    try:
        parsed = pl.sql_expr(text).meta.serialize(format="json")
        tree, kind = _Translator(fields).of(msgspec.json.decode(parsed))
    except pl.exceptions.PolarsError as error:
        raise _refusal(f"it cannot be read: {str(error).splitlines()[0]}") from None
    except RecursionError:
        raise _refusal("it is nested too deeply") from None
    if kind != "bool":
        raise _refusal(f"it gives {_WORDS[kind]}, not true or false")
    return tree


class _Translator:
    def __init__(self, fields: Mapping[str, FieldSpec]) -> None:
        self._fields = fields
        self._depth = 0

    def of(self, node: Any) -> Typed:
        """A node of polars' JSON: an object with one key, or the bare name of a kind."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _refusal("it is nested too deeply")
        try:
            return self._node(node)
        finally:
            self._depth -= 1

    def _node(self, node: Any) -> Typed:
        if not isinstance(node, dict) or len(node) != 1:
            raise _unknown(node)
        ((kind, body),) = node.items()
        if kind == "Column":
            return self._column(body)
        if kind == "Literal":
            return _literal(body)
        if kind == "BinaryExpr":
            return self._binary(body["op"], [body["left"], body["right"]])
        if kind == "Cast":
            return self._cast(body)
        if kind == "Function":
            return self._function(body["function"], body["input"])
        raise _unknown(kind)

    def _column(self, name: str) -> Typed:
        field = self._fields.get(name)
        if field is None:
            raise _refusal(f"there is no feature {name!r}")
        if field.type == "category":
            return Column(name), "int" if field.values and isinstance(field.values[0], int) else "text"
        kinds: dict[str, Kind] = {"float": "float", "int": "int", "bool": "bool", "string": "text"}
        if field.type not in kinds:
            raise _unknown(f"a {field.type}")
        return Column(name), kinds[field.type]

    def _binary(self, op: str, nodes: list[Any]) -> Typed:
        if op in _LOGIC:
            return self._logic(op, nodes)
        operands = [self.of(node) for node in nodes]
        if op in _ARITHMETIC:
            return Operation(_ARITHMETIC[op], tuple(_float(one) for one in operands)), "float"
        if op in _COMPARISONS:
            return Operation(_COMPARISONS[op], tuple(tree for tree, _ in _alike(operands))), "bool"
        if op == "NotEq":
            equal = Operation("=", tuple(tree for tree, _ in _alike(operands)))
            return Operation("not", (equal,)), "bool"
        raise _unknown(op)

    def _logic(self, op: str, nodes: list[Any]) -> Typed:
        """A chain of ``and`` is one operation, however long."""
        flat: list[Any] = []
        waiting = list(nodes)
        while waiting:
            node = waiting.pop(0)
            inner = node.get("BinaryExpr") if isinstance(node, dict) else None
            if inner and inner["op"] == op:
                waiting[:0] = [inner["left"], inner["right"]]
            else:
                flat.append(node)
        return Operation(_LOGIC[op], tuple(self._truth(node) for node in flat)), "bool"

    def _truth(self, node: Any) -> Tree:
        tree, kind = self.of(node)
        if kind != "bool":
            raise _refusal(f"{_WORDS[kind]} stands where true or false is needed")
        return tree

    def _cast(self, body: dict[str, Any]) -> Typed:
        wanted = body["dtype"].get("Literal")
        if wanted == "Boolean":
            return self._truth(body["expr"]), "bool"
        if wanted == "Float64":
            return _float(self.of(body["expr"])), "float"
        raise _unknown(f"a cast to {wanted}")

    def _function(self, function: Any, nodes: list[Any]) -> Typed:
        if function == "Abs":
            return Operation("abs", (_float(self.of(nodes[0])),)), "float"
        if function == "Coalesce":
            alike = _alike([self.of(node) for node in nodes])
            return Operation("coalesce", tuple(tree for tree, _ in alike)), alike[0][1]
        name, detail = next(iter(function.items())) if isinstance(function, dict) else (function, None)
        if name == "Boolean" and detail == "Not":
            return Operation("not", (self._truth(nodes[0]),)), "bool"
        if name == "Boolean" and detail in ("IsNull", "IsNotNull"):
            op: Op = "is null" if detail == "IsNull" else "is not null"
            return Operation(op, (self.of(nodes[0])[0],)), "bool"
        if name == "Sql" and isinstance(detail, dict) and "Binary" in detail:
            return self._binary(detail["Binary"], nodes)
        if name == "Sql" and isinstance(detail, dict) and "IsIn" in detail:
            return self._among(nodes)
        raise _unknown(detail if isinstance(detail, str) else name)

    def _among(self, nodes: list[Any]) -> Typed:
        value, *choices = _alike([self.of(nodes[0]), *_listed(nodes[1])])
        return Operation("in", (value[0], *dict.fromkeys(_constant(one) for one in choices))), "bool"


def _alike(operands: list[Typed]) -> list[Typed]:
    """The operands in one type: floats where numbers differ, booleans among numbers being 0 and 1."""
    kinds = {kind for _, kind in operands}
    if len(kinds) == 1:
        return operands
    if "text" in kinds:
        other = next(kind for kind in ("int", "float", "bool") if kind in kinds)
        raise _refusal(f"text is compared with {_WORDS[other]}")
    return [(_float(operand), "float") for operand in operands]


def _float(operand: Typed) -> Tree:
    tree, kind = operand
    if kind == "text":
        raise _refusal("text stands where a number is needed")
    if kind == "float":
        return tree
    return Constant(float(tree.value)) if isinstance(tree, Constant) else Operation("float", (tree,))


def _constant(operand: Typed) -> Tree:
    return operand[0]


def _literal(body: Any) -> Typed:
    kind, value = next(iter(body.items()))
    if kind == "Dyn":
        kind, value = next(iter(value.items()))
        return _number(value if kind == "Int" else value if value is None else float(value))
    if kind == "Scalar":
        name, value = next(iter(value.items()))
        if name == "Boolean":
            return Constant(bool(value)), "bool"
        if name == "String":
            return Constant(str(value)), "text"
        if name == "Decimal":
            digits, _, scale = value
            return _number(float(Fraction(int(digits), 10 ** int(scale))))
        if name == "Null":
            raise _refusal("nothing equals NULL: write IS NULL")
    raise _unknown(f"a literal of another kind ({kind})")


def _number(value: float | None) -> Typed:
    if value is None or not math.isfinite(value):
        raise _refusal("a number is too large")
    return Constant(value), "int" if isinstance(value, int) else "float"


def _listed(node: Any) -> list[Typed]:
    """The values of an IN list, which polars keeps as a series inside of the literal."""
    import polars as pl

    if not isinstance(node, dict) or "Series" not in (node.get("Literal") or {}):
        raise _unknown("IN without a list of values")
    text = msgspec.json.encode(node).decode()
    values = pl.select(pl.Expr.deserialize(io.StringIO(text), format="json")).to_series().explode().to_list()
    typed: list[Typed] = []
    for value in values:
        if isinstance(value, bool):
            typed.append((Constant(value), "bool"))
        elif isinstance(value, str):
            typed.append((Constant(value), "text"))
        elif isinstance(value, int):
            typed.append(_number(value))
        elif value is None:
            raise _refusal("nothing equals NULL: write IS NULL")
        else:
            typed.append(_number(float(value)))
    return typed


_WORDS: dict[Kind, str] = {"bool": "true or false", "int": "an integer", "float": "a number", "text": "text"}


def _unknown(what: object) -> PulseError:
    named = str(what)[:60]
    return PulseError(
        "protocol.bad_expression", f"The runtime cannot evaluate it: {named} is not known.", _HINT
    )


def _refusal(reason: str) -> PulseError:
    return PulseError("protocol.bad_expression", f"Not an expression over the features: {reason}.", _HINT)
