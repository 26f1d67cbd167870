"""Rows of the ledger as columns of numbers, as training saw them, and what of them does not hold the protocol."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import astuple

from pulse_blocks.drift.result import QualityFinding
from pulse_blocks.ledger.windows import Observed
from pulse_blocks.protocol.columns import ColumnSpec, features
from pulse_blocks.protocol.expressions import RowCheck, checker
from pulse_blocks.protocol.requests import problems, request_type
from pulse_blocks.protocol.spec import Protocol

_EXAMPLES = 5
_NAN = math.nan


class Columns(msgspec.Struct, frozen=True):
    """Values by column, missing as NaN: numbers, and codes of categories with the text that each stands for.

    A category that the protocol does not name has a code of its own.
    """

    numbers: dict[str, np.ndarray]
    texts: dict[str, tuple[str, ...]]


class Gathered(msgspec.Struct, frozen=True):
    """The features of a window, its predictions (see ``answers``), and its quality."""

    columns: Columns
    answers: np.ndarray
    quality: QualityFinding


def gather(protocol: Protocol, row_checks: Sequence[RowCheck], rows: Sequence[Observed]) -> Gathered:
    """Decode what was asked and answered. A row that is not even an object counts as broken and is left out."""
    known = features(protocol)
    records: list[dict[str, Any]] = []
    outputs: list[dict[str, Any]] = []
    broken, examples = 0, list[str]()
    refusal = _Refusal(protocol, row_checks)
    for row in rows:
        reason, record = refusal.of(row.input)
        if reason is not None:
            broken += 1
            if len(examples) < _EXAMPLES:
                examples.append(f"{row.id}: {reason}")
        if record is not None:
            records.append(record)
            outputs.append(_object(row.output) or {})
    values, texts = {}, {}
    for column in known:
        codes, names = _column(column, [record.get(column.name) for record in records])
        values[column.name] = codes
        if names:
            texts[column.name] = names
    quality = QualityFinding(rows=len(rows), broken=broken, examples=tuple(examples))
    return Gathered(Columns(values, texts), answers(protocol, outputs), quality)


def answers(protocol: Protocol, outputs: Sequence[dict[str, Any]]) -> np.ndarray:
    """The prediction of each row as one number: a probability, a value, or the number of the likeliest class."""
    if protocol.task == "multiclass-classification":
        classes = tuple(map(str, protocol.target.values or ()))
        return np.array([_likeliest(output.get("probabilities"), classes) for output in outputs], np.float64)
    key = "value" if protocol.task == "regression" else "probability"
    return np.array([_number(output.get(key)) for output in outputs], np.float64)


class _Refusal:
    """Why a row does not hold the protocol, decided as the runtime would."""

    def __init__(self, protocol: Protocol, row_checks: Sequence[RowCheck]) -> None:
        self._protocol = protocol
        self._decode = msgspec.json.Decoder(request_type(protocol)).decode
        self._checks = checker(list(protocol.features), tuple(row_checks)) if row_checks else None

    def of(self, text: str) -> tuple[str | None, dict[str, Any] | None]:
        """The reason (None for a good row), and the row as an object (None where it is none)."""
        record = _object(text)
        if record is None:
            return "it is no object.", None
        try:
            row = self._decode(text)
        except msgspec.ValidationError as error:
            found = problems(self._protocol, record)
            return (f"{found[0].path}: {found[0].message}" if found else str(error)), record
        return (self._checks(astuple(row)) or None) if self._checks else None, record


def _column(column: ColumnSpec, found: list[Any]) -> tuple[np.ndarray, tuple[str, ...]]:
    if column.field.type not in ("category", "bool"):
        return np.array([_number(value) for value in found], np.float64), ()
    names = [False, True] if column.field.type == "bool" else list(column.field.values or ())
    codes: dict[Any, float] = {(type(name), name): float(code) for code, name in enumerate(names)}
    numbers = []
    for value in found:
        if value is None or not isinstance(value, bool | int | str):
            numbers.append(_NAN)
            continue
        numbers.append(codes.setdefault((type(value), value), float(len(codes))))
    texts = tuple(str(name).lower() if isinstance(name, bool) else str(name) for _, name in codes)
    return np.array(numbers, np.float64), texts


def _number(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return _NAN


def _likeliest(probabilities: object, classes: tuple[str, ...]) -> float:
    if not isinstance(probabilities, dict) or not probabilities:
        return _NAN
    best = max(probabilities, key=lambda name: _number(probabilities[name]))
    return float(classes.index(best)) if best in classes else _NAN


def _object(text: str) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None
    return found if isinstance(found, dict) else None
