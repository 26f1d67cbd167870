"""Request bodies: one record, ``{"instances": [...]}`` or ``{"columns": {...}}``."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec.structs import astuple

from pulse_blocks.protocol.requests import FieldProblem, problems
from pulse_blocks.serving.model import Model
from pulse_blocks.serving.refusals import Refusal

MANY = ("instances", "columns")
# A body of bad records would otherwise be answered by a much larger one.
MOST_FIELDS = 200
_ENVELOPE = re.compile(rb'\s*\{\s*"(instances|columns)"\s*:')


def parse(model: Model, body: bytes) -> tuple[list[msgspec.Struct], bool]:
    """The records of a body, and whether it asked for many.

    Raises Refusal: 400 for what is no JSON, 422 naming every bad field.
    """
    record = one_record(model, body)
    if record is not None:
        return [record], False
    form = _ENVELOPE.match(body)
    if form and (name := form.group(1).decode()) not in model.protocol.features:
        return _many(model, name, body), True
    try:
        record = model.decode(body)
    except msgspec.ValidationError as error:
        raise invalid(list(problems(model.protocol, as_json(body))), error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _no_json(error) from None
    _require_checks(model, [record], lambda _, path: path)
    return [record], False


def one_record(model: Model, body: bytes) -> msgspec.Struct | None:
    """The record of a body that is one sound record; None for any other body."""
    try:
        record: msgspec.Struct = model.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return None if any(model.broken_checks((record,))) else record


def _many(model: Model, name: str, body: bytes) -> list[msgspec.Struct]:
    found = _sound_instances(model, body) if name == "instances" else None
    if found:
        _require_checks(model, found, in_list(name))
        return found
    raw = as_json(body)
    unknown = [FieldProblem(key, f"There is nothing beside {name}.") for key in raw if key != name]
    if unknown:
        raise invalid(unknown)
    if name == "instances":
        return convert(model, listed(raw[name], name), in_list(name))
    return columns(model, raw[name], name)


def _sound_instances(model: Model, body: bytes) -> list[msgspec.Struct] | None:
    """The records of a body that is sound as a whole, decoded in one pass; None for any other body."""
    try:
        found: list[msgspec.Struct] = astuple(model.decode_many(body))[0]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return found


def columns(model: Model, content: Any, name: str) -> list[msgspec.Struct]:
    """The rows of an object with a list for each column. Raises Refusal 422 naming every bad field."""
    found = model.columns.records(content) if isinstance(content, dict) else None
    if found:
        _require_checks(model, found, in_columns(name))
        return found
    return convert(model, by_row(content, name), in_columns(name))


# A record's number and a path within it ("" for the whole) → where that stands in the body.
Where = Callable[[int, str], str]


def in_list(name: str) -> Where:
    """``instances[3].weight``."""
    return lambda number, path: f"{name}[{number}]{path and '.'}{path}"


def in_columns(name: str) -> Where:
    """``columns.weight[3]``; a record as a whole is ``columns[3]``."""
    return lambda number, path: f"{name}{path and '.'}{path}[{number}]"


def convert(model: Model, raw: list[Any], where: Where) -> list[msgspec.Struct]:
    """Decoded records as the model's own, at least one. Raises Refusal 422 naming every bad field."""
    if not raw:
        raise invalid([FieldProblem(where(0, "").partition("[")[0], "At least one record is needed.")])
    try:
        found: list[msgspec.Struct] = msgspec.convert(raw, list[model.record])  # type: ignore[name-defined]
    except msgspec.ValidationError as error:
        problem_list = itertools.islice(_problems(model, raw, where), MOST_FIELDS + 1)
        raise invalid(list(problem_list), error) from None
    _require_checks(model, found, where)
    return found


def _require_checks(model: Model, records: Sequence[msgspec.Struct], where: Where) -> None:
    """Raises Refusal where a check over several features is not passed by a record that is sound by itself."""
    broken = itertools.islice(model.broken_checks(records), MOST_FIELDS + 1)
    found = [FieldProblem(where(position, ""), reason) for position, reason in broken]
    if found:
        raise invalid(found)


def listed(content: object, name: str) -> list[Any]:
    """A list of records; raises Refusal for anything else."""
    if not isinstance(content, list):
        raise invalid([FieldProblem(name, "Expected a list of records.")])
    return content


def by_row(content: object, name: str) -> list[dict[str, Any]]:
    """The records of an object with a list for each column; raises Refusal for anything else."""
    if not isinstance(content, dict):
        raise invalid([FieldProblem(name, "Expected an object with a list for each column.")])
    wrong = [
        FieldProblem(f"{name}.{column}", "Expected a list of values.")
        for column, values in content.items()
        if not isinstance(values, list)
    ]
    if wrong:
        raise invalid(wrong)
    lengths = {column: len(values) for column, values in content.items()}
    longest = max(lengths.values(), default=0)
    wrong = [
        FieldProblem(f"{name}.{column}", f"Has {length} values where another has {longest}.")
        for column, length in lengths.items()
        if length != longest
    ]
    if wrong:
        raise invalid(wrong)
    columns = tuple(content)
    return [dict(zip(columns, row, strict=True)) for row in zip(*content.values(), strict=True)]


def _problems(model: Model, records: list[Any], where: Where) -> Iterator[FieldProblem]:
    for number, record in enumerate(records):
        for problem in problems(model.protocol, record):
            yield FieldProblem(where(number, problem.path), problem.message)


def as_json(body: bytes) -> Any:
    """A decoded JSON value of any form; raises Refusal 400 for anything else."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _no_json(error) from None


def _no_json(error: Exception) -> Refusal:
    reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    return Refusal(400, "request.json", f"The body is not valid JSON: {reason}.", "Send one JSON object.")


def invalid(found: Sequence[FieldProblem], error: msgspec.ValidationError | None = None) -> Refusal:
    """The 422 for bad fields; ``error`` speaks where none could be named."""
    fields = list(found[:MOST_FIELDS]) or [FieldProblem("", str(error))]
    if len(found) > MOST_FIELDS:
        message = f"More than {MOST_FIELDS} fields do not meet the protocol; the first of them are listed."
    elif len(fields) > 1:
        message = f"{len(fields)} fields do not meet the protocol."
    else:
        message = "One field does not meet the protocol."
    return Refusal(422, "request.invalid", message, "Correct the fields listed.", fields=fields)
