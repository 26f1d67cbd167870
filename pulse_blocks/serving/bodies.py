"""Request bodies: one record, ``{"instances": [...]}`` or ``{"columns": {...}}``."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from pulse_blocks.protocol.problems import Path
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
    form = _ENVELOPE.match(body)
    if form and (name := form.group(1).decode()) not in model.protocol.features:
        return _many(model, name, body), True
    try:
        return [model.decode(body)], False
    except msgspec.ValidationError as error:
        raise invalid(list(problems(model.protocol, as_json(body))), error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _no_json(error) from None


def _many(model: Model, name: str, body: bytes) -> list[msgspec.Struct]:
    raw = as_json(body)
    unknown = [FieldProblem(key, f"There is nothing beside {name}.") for key in raw if key != name]
    if unknown:
        raise invalid(unknown)
    content = raw[name]
    records, paths = _instances(content) if name == "instances" else _columns(content)
    if not records:
        raise invalid([FieldProblem(name, "At least one record is needed.")])
    try:
        found: list[msgspec.Struct] = msgspec.convert(records, list[model.record])  # type: ignore[name-defined]
    except msgspec.ValidationError as error:
        problem_list = itertools.islice(_problems(model, records, paths), MOST_FIELDS + 1)
        raise invalid(list(problem_list), error) from None
    return found


def _instances(content: object) -> tuple[list[Any], Sequence[Path]]:
    if not isinstance(content, list):
        raise invalid([FieldProblem("instances", "Expected a list of records.")])
    return content, [("instances", number) for number in range(len(content))]


def _columns(content: object) -> tuple[list[Any], None]:
    if not isinstance(content, dict):
        raise invalid([FieldProblem("columns", "Expected an object with a list for each column.")])
    wrong = [
        FieldProblem(f"columns.{name}", "Expected a list of values.")
        for name, values in content.items()
        if not isinstance(values, list)
    ]
    if wrong:
        raise invalid(wrong)
    lengths = {name: len(values) for name, values in content.items()}
    if len(set(lengths.values())) > 1:
        longest = max(lengths.values())
        raise invalid(
            [
                FieldProblem(f"columns.{name}", f"Has {length} values where another has {longest}.")
                for name, length in lengths.items()
                if length != longest
            ]
        )
    names = tuple(content)
    return [dict(zip(names, row, strict=True)) for row in zip(*content.values(), strict=True)], None


def _problems(model: Model, records: list[Any], paths: Sequence[Path] | None) -> Iterator[FieldProblem]:
    for number, record in enumerate(records):
        for problem in problems(model.protocol, record, paths[number] if paths else ()):
            yield problem if paths else FieldProblem(f"columns.{problem.path}[{number}]", problem.message)


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
