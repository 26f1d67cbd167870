"""Old inferences from the ledger into files: written, read back, compared row by row, and only then taken away.

A file that was written and whose rows are still in the ledger is no archive yet: nothing names it. Whoever goes on
writes the same bytes below the same key, or other ones below another; what is left over is removed in the end.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

from pulse_blocks import progress
from pulse_blocks.archive import reading
from pulse_blocks.archive.records import Moved
from pulse_blocks.archive.writing import GROUP_ROWS, InferenceWriter
from pulse_blocks.errors import PulseError
from pulse_blocks.ids import first_inference_id
from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.base import InferenceTuple
from pulse_blocks.ledger.inference_files import InferenceFile
from pulse_blocks.ledger.rows import Inference
from pulse_blocks.stores import Store
from pulse_blocks.times import iso

# One transaction takes so many rows away: a runtime that appends waits for a fraction of a second at most.
FILE_ROWS = 4 * GROUP_ROWS
# Archives are written once and kept for years: what a better compression costs is paid in the background.
_LEVEL = 9
FOLDER = "archive/"
_DAY = dt.timedelta(days=1)


def folder_of(name: str) -> str:
    """Where the archives of a name are in the store."""
    return f"{FOLDER}{name}/"


def move(ledger: Ledger, store: Store, name: str, before: dt.datetime, *, dry_run: bool = False) -> Moved:
    """Move the inferences of a name made before midnight (UTC) of a time, whole days, the oldest first.

    Labels stay in the ledger. May be killed at any moment: each inference is then in the ledger or in an archive, and
    the next call goes on. Raises PulseError ``archive.unverified`` where the store gives back other rows than it was
    given, ``archive.changed`` where another process moves the same; what was moved until then is moved.
    """
    end = before.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    days: dict[str, int] = {}
    files: list[InferenceFile] = []
    for day in _days(ledger, name, end):
        low, high = first_inference_id(day), first_inference_id(day + _DAY)
        if dry_run:
            rows = ledger.count_within(name, low, high)
        else:
            made = list(_move_day(ledger, store, name, low, high, f"{day:%Y-%m-%d}"))
            files += made
            rows = sum(file.rows for file in made)
        if rows:
            days[f"{day:%Y-%m-%d}"] = rows
            progress.report(
                "archive", sum(days.values()), None, f"{name}: {day:%Y-%m-%d}, {rows:,} inferences"
            )
    return Moved(
        name=name,
        before=iso(end),
        rows=sum(days.values()),
        days=days,
        files=tuple(file.key for file in files),
        bytes=sum(file.bytes for file in files),
    )


def _days(ledger: Ledger, name: str, end: dt.datetime) -> Iterator[dt.datetime]:
    """Midnights from the first day with an inference on. A day earlier, since an id may be older than its row."""
    models = [model for model in ledger.answering_models() if model.startswith(f"{name}@")]
    oldest = [at for model in models if (at := ledger.oldest_answer(model)) is not None]
    if not oldest:
        return
    first = dt.datetime.fromtimestamp(min(oldest) / 1e6, dt.UTC) - _DAY
    day = first.replace(hour=0, minute=0, second=0, microsecond=0)
    while day < end:
        yield day
        day += _DAY


def _move_day(
    ledger: Ledger, store: Store, name: str, low: str, high: str, day: str
) -> Iterator[InferenceFile]:
    while rows := ledger.inferences_within(name, low, high, FILE_ROWS):
        file = _written(store, f"{folder_of(name)}{day}", rows)
        ledger.move(name, file, [row[0] for row in rows])
        yield file


def _written(store: Store, stem: str, rows: Sequence[InferenceTuple]) -> InferenceFile:
    """The file, durable in the store, after it has been read from there and compared row by row."""
    writer = InferenceWriter(level=_LEVEL)
    for start in range(0, len(rows), GROUP_ROWS):
        writer.add(rows[start : start + GROUP_ROWS])
    data, sha256 = writer.finish()
    key = f"{stem}/{rows[0][0].rpartition('_')[2]}-{sha256[:12]}.parquet"
    store.put(key, data)
    file = writer.described(key, sha256, len(data))
    found = 0
    for given, row in zip(reading.inferences(store, file), rows, strict=False):
        if given != _as_read(row):
            break
        found += 1
    if found != len(rows):
        raise PulseError(
            "archive.unverified",
            f"{store.locate(key)} does not give back {rows[min(found, len(rows) - 1)][0]} as the ledger has it.",
            "Nothing was taken away from the ledger. Check the store, then run it again.",
        )
    return file


def _as_read(row: InferenceTuple) -> Inference:
    facts: dict[str, Any] = dict(zip(Inference.__struct_fields__, row, strict=True))
    hashes = {what: facts[what].hex() for what in ("input_sha256", "output_sha256")}
    return Inference(**{**facts, **hashes})
