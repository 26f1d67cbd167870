"""How old inferences leave the ledger: for a file that holds each of them, in one transaction.

The database refuses every other delete: see ``migrations/append_only.py``.
"""

from __future__ import annotations

from collections.abc import Sequence

from pulse_blocks.errors import PulseError
from pulse_blocks.ledger.base import InferenceTuple
from pulse_blocks.ledger.inference_files import InferenceFile, put_files
from pulse_blocks.ledger.table import Table

# Not by the index over models: rows are wanted in the order of their ids.
_WITHIN = "id >= ? and id < ? and substr(model, 1, ?) = ?"
_COLUMNS = (
    "id, at, event_time, source_key, model, input, output, input_sha256, output_sha256, latency_us, flags"
)


class Archiving(Table):
    """Inferences of a name (``NAME@...`` are its models) by their ids."""

    def answering_models(self) -> list[str]:
        """Every model that the ledger holds inferences of, by id; as fast with many inferences as with few."""
        found: list[str] = []
        while rows := self._database.read(
            "select model from inferences where model > ? order by model limit 1",
            (found[-1] if found else "",),
        ):
            found.append(rows[0][0])
        return found

    def oldest_answer(self, model: str) -> int | None:
        """When a model made the first inference that the ledger still holds (microseconds since 1970)."""
        rows = self._database.read("select min(at) from inferences where model = ?", (model,))
        return None if rows[0][0] is None else int(rows[0][0])

    def inferences_within(self, name: str, low: str, high: str, most: int) -> list[InferenceTuple]:
        """The first rows of a name with ``low <= id < high``, by id, as they were appended."""
        rows = self._database.read(
            f"select {_COLUMNS} from inferences where {_WITHIN} order by id limit ?",  # noqa: S608 - words of ours
            (*_range(name, low, high), most),
        )
        return [(*row[:7], bytes(row[7]), bytes(row[8]), *row[9:]) for row in rows]

    def count_within(self, name: str, low: str, high: str) -> int:
        """How many there are."""
        count = f"select count(*) from inferences where {_WITHIN}"  # noqa: S608 - words of ours
        return int(self._database.read(count, _range(name, low, high))[0][0])

    def move(self, name: str, file: InferenceFile, ids: Sequence[str]) -> None:
        """Let rows go that a verified file holds: the file's row comes and the rows go, both or neither.

        ``ids`` are those in the file. Raises PulseError ``archive.changed`` where the rows of a name between the
        file's first and last id are not exactly those; nothing has happened then.
        """
        with self._database.write() as transaction:
            known = transaction.execute("select 1 from inference_files where key = ?", (file.key,))
            gone: list[str] = []
            if not known:
                put_files(transaction, [file])
                transaction.execute("insert into moving (key) values (?)", (file.key,))
                rows = transaction.execute(
                    "delete from inferences where id >= ? and id <= ? and substr(model, 1, ?) = ? returning id",
                    _range(name, file.first_id, file.last_id),
                )
                gone = sorted(row[0] for row in rows)
                transaction.execute("delete from moving where key = ?", (file.key,))
                for model in file.models:
                    transaction.execute("delete from sealed_counts where model = ?", (model,))
            if gone != list(ids):
                raise PulseError(
                    "archive.changed",
                    f"Inferences of {name} changed while {file.key} was written: none of them was taken away.",
                    "Another process archives the same, or a spool is being drained. Run it again.",
                )


def _range(name: str, low: str, high: str) -> tuple[str, str, int, str]:
    return low, high, len(name) + 1, f"{name}@"
