"""Which files of the store hold inferences that are not rows of the ledger: batch scorings and archives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from pulse_blocks.ledger.base import Row, Transaction
from pulse_blocks.ledger.rows import Fact
from pulse_blocks.ledger.table import Table, prefix_range

_SELECT = (
    "select key, sha256, scoring, first_id, last_id, rows, models, bytes, at, first_time, last_time,"
    " (select at from deleted_files where deleted_files.key = inference_files.key) from inference_files"
)
_PAGE = 500


class InferenceFile(Fact, frozen=True, kw_only=True):
    """A file of inferences, in the order of their ids. ``scoring`` is None for an archive.

    ``key`` is its place in the store, ``sha256`` over its bytes, ``models`` how many inferences each made;
    ``first_time`` and ``last_time`` are the least and the greatest event time of its rows (of arrival where they have
    none; microseconds since 1970), None where an older Pulse wrote it; ``deleted`` is when retention took the file
    away, None while it is there.
    """

    key: str
    sha256: str
    scoring: str | None
    first_id: str
    last_id: str
    rows: int
    models: dict[str, int]
    bytes: int
    at: int
    first_time: int | None = None
    last_time: int | None = None
    deleted: int | None = None


class InferenceFiles(Table):
    """The index over those files. What the files hold is read by ``pulse_blocks.archive``."""

    def inference_files_of(self, id_or_prefix: str) -> list[InferenceFile]:
        """The files that may hold inferences whose id begins so, by id: seldom more than one for a whole id."""
        low, high = prefix_range(id_or_prefix)
        rows = self._database.read(
            f"{_SELECT} where first_id < ? and last_id >= ? order by first_id, key", (high, low)
        )
        return list(map(_file, rows))

    def inference_files(self, scoring: str | None = None) -> Iterator[InferenceFile]:
        """All files, or those of a scoring, by key; a page at a time: memory does not grow."""
        last = ""
        while True:
            rows = self._database.read(
                f"{_SELECT} where key > ? and (cast(? as text) is null or scoring = ?) order by key limit ?",
                (last, scoring, scoring, _PAGE),
            )
            yield from map(_file, rows)
            if len(rows) < _PAGE:
                return
            last = rows[-1][0]

    def inference_files_within(self, model: str, start: int, end: int) -> list[InferenceFile]:
        """The files that may hold inferences of a model with ``start <= event time < end``, deleted ones too."""
        rows = self._database.read(
            f"{_SELECT} where (last_time >= ? or last_time is null) and (first_time < ? or first_time is null)"
            " order by first_id, key",
            (start, end),
        )
        return [file for file in map(_file, rows) if model in file.models]

    def filed_counts(self) -> Counter[str]:
        """How many inferences of each model are in files, or were in files that are deleted."""
        counts: Counter[str] = Counter()
        for found in self.inference_files():
            counts.update(found.models)
        return counts


def put_files(transaction: Transaction, files: Iterable[InferenceFile]) -> None:
    """Add files within a transaction, together with the fact that they belong to."""
    for file in files:
        transaction.execute(
            "insert into inference_files (key, sha256, scoring, first_id, last_id, rows, models, bytes, at,"
            " first_time, last_time) values (?,?,?,?,?,?,?,?,?,?,?)",
            (
                file.key, file.sha256, file.scoring, file.first_id, file.last_id, file.rows,
                msgspec.json.encode(file.models, order="sorted").decode(), file.bytes, file.at,
                file.first_time, file.last_time,
            ),
        )  # fmt: skip


def _file(row: Row) -> InferenceFile:
    facts = dict(zip(InferenceFile.__struct_fields__, row, strict=True))
    return InferenceFile(**{**facts, "models": msgspec.json.decode(facts["models"], type=dict[str, int])})
