"""``POST /invocations``: what MLflow's scoring server and SageMaker's containers are asked.

The four JSON forms of MLflow (https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally) and CSV with a
header. The package mlflow is not used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pulse_blocks.protocol.requests import FieldProblem
from pulse_blocks.serving.bodies import (
    Where,
    as_json,
    by_row,
    convert,
    in_columns,
    in_list,
    invalid,
    listed,
)
from pulse_blocks.serving.dialects import csv_rows
from pulse_blocks.serving.dialects.base import JSON, Asked, Dialect, Headers, Reply
from pulse_blocks.serving.jobs import Job
from pulse_blocks.serving.model import Model

Rows = tuple[list[Any], Where]


def _read(model: Model, body: bytes, headers: Headers) -> Asked:
    if headers.get(b"content-type", JSON).partition(b";")[0].strip() == b"text/csv":
        return Asked(convert(model, csv_rows.records(model, body), in_list("rows")), None)
    raw = as_json(body)
    if not isinstance(raw, dict):
        raise invalid([FieldProblem("", _EXPECTED)])
    forms = [name for name in raw if name in _FORMS]
    beside = [name for name in raw if name not in _FORMS and not (name == "params" and not raw[name])]
    if len(forms) != 1 or beside:
        raise invalid([FieldProblem(name, "There is nothing of that name.") for name in beside]
                      or [FieldProblem("", _EXPECTED)])  # fmt: skip
    rows, where = _FORMS[forms[0]](model, raw[forms[0]], forms[0])
    return Asked(convert(model, rows, where), None)


def _split(_: Model, content: Any, name: str) -> Rows:
    """``{"columns": [...], "data": [[...], ...]}``, with or without an index."""
    columns = content.get("columns") if isinstance(content, dict) else None
    data = content.get("data") if isinstance(content, dict) else None
    if not isinstance(columns, list) or not isinstance(data, list) or not all(map(_is_name, columns)):
        raise invalid([FieldProblem(name, "Expected an object with a list of columns and a list of data.")])
    if len(set(columns)) < len(columns):
        raise invalid([FieldProblem(f"{name}.columns", "A column is there twice.")])
    return _named(columns, data, f"{name}.data"), in_list(f"{name}.data")


def _records(_: Model, content: Any, name: str) -> Rows:
    return listed(content, name), in_list(name)


def _instances(model: Model, content: Any, name: str) -> Rows:
    """Records, or lists of values in the order of the protocol's features."""
    rows = listed(content, name)
    if rows and all(isinstance(row, list) for row in rows):
        return _named(list(model.protocol.features), rows, name), in_list(name)
    return rows, in_list(name)


def _inputs(model: Model, content: Any, name: str) -> Rows:
    """A list for each column, or as instances."""
    if isinstance(content, dict):
        columns = {column: _flat(values) for column, values in content.items()}
        return by_row(columns, name), in_columns(name)
    return _instances(model, content, name)


_FORMS: dict[str, Callable[[Model, Any, str], Rows]] = {
    "dataframe_split": _split,
    "dataframe_records": _records,
    "instances": _instances,
    "inputs": _inputs,
}
_EXPECTED = f"Expected an object with one of {', '.join(_FORMS)}."


def _named(columns: list[str], rows: list[Any], name: str) -> list[dict[str, Any]]:
    wrong = [
        FieldProblem(f"{name}[{number}]", f"Expected a list of {len(columns)} values.")
        for number, row in enumerate(rows)
        if not isinstance(row, list) or len(row) != len(columns)
    ]
    if wrong:
        raise invalid(wrong)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _flat(values: Any) -> Any:
    """A column as a tensor of shape [n, 1] is a column of n values."""
    if isinstance(values, list) and values and all(isinstance(v, list) and len(v) == 1 for v in values):
        return [value[0] for value in values]
    return values


def _is_name(value: object) -> bool:
    return isinstance(value, str)


def _reply(job: Job, _: Any) -> Reply:
    return Reply(JSON, b'{"predictions":[%b]}' % b",".join(job.replies))


MLFLOW = Dialect(_read, _reply)
