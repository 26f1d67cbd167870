"""Rows of a datasource as records of the model's contract, or the reason why they are none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from pulse_blocks.protocol.requests import FieldProblem, problems
from pulse_blocks.serving.model import Model

if TYPE_CHECKING:
    import pyarrow as pa


class Refusal(msgspec.Struct, frozen=True):
    """A row that gets no prediction: where it is in the batch, and why."""

    position: int
    reason: str


class Sound(msgspec.Struct, frozen=True):
    """The records of a batch that meet the contract, where they are in it, and the rows that do not."""

    records: list[msgspec.Struct]
    positions: list[int]
    refused: list[Refusal]


def sound(model: Model, rows: list[dict[str, Any]]) -> Sound:
    """Hold rows to the contract as the runtime holds requests to it: types, bounds, categories, row checks."""
    records, positions, refused = _decoded(model, rows)
    broken = dict(model.broken_checks(records))
    refused += [Refusal(positions[at], reason) for at, reason in broken.items()]
    kept = [at for at in range(len(records)) if at not in broken]
    return Sound(
        [records[at] for at in kept],
        [positions[at] for at in kept],
        sorted(refused, key=lambda one: one.position),
    )


def _decoded(
    model: Model, rows: list[dict[str, Any]]
) -> tuple[list[msgspec.Struct], list[int], list[Refusal]]:
    """All at once where all are sound, which is the rule."""
    try:
        records = msgspec.convert(rows, list[model.record])  # type: ignore[name-defined]
    except msgspec.ValidationError:
        pass
    else:
        return records, list(range(len(rows))), []
    records, positions, refused = [], [], []
    for position, row in enumerate(rows):
        try:
            records.append(msgspec.convert(row, model.record))
        except msgspec.ValidationError as error:
            found = [_told(model, problem) for problem in problems(model.protocol, row)]
            refused.append(Refusal(position, " ".join(found) or str(error)))
        else:
            positions.append(position)
    return records, positions, refused


def _told(model: Model, problem: FieldProblem) -> str:
    """A reason is kept in a file, and so must not tell a private value."""
    if problem.path in model.privacy.columns:
        return f"{problem.path}: The contract refuses its private value."
    return f"{problem.path}: {problem.message}"


def regrouped(batches: Iterator[pa.RecordBatch], size: int) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of ``size``, but for the last one."""
    import pyarrow as pa

    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        held.append(batch)
        count += batch.num_rows
        while count >= size:
            whole = pa.concat_batches(held)
            yield whole.slice(0, size)
            held, count = [whole.slice(size)], count - size
    if count:
        yield pa.concat_batches(held)
