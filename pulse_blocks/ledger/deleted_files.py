"""Archives whose time is over: the fact comes first, then the file goes."""

from __future__ import annotations

from pulse_blocks.ledger.audit import record
from pulse_blocks.ledger.holds import held
from pulse_blocks.ledger.inference_files import InferenceFile
from pulse_blocks.ledger.table import Table, now_us


class DeletedFiles(Table):
    """Which archives are gone, since when and by whose hand. Their rows in the index stay."""

    def note_deleted(self, name: str, file: InferenceFile, who: str) -> bool:
        """Say that an archive is deleted, before it is. False where the name is held: then it must stay.

        Noting it twice is the same as once.
        """
        with self._database.write() as transaction:
            if held(transaction, name):
                return False
            if not transaction.execute("select 1 from deleted_files where key = ?", (file.key,)):
                transaction.execute(
                    "insert into deleted_files (key, at, who) values (?,?,?)", (file.key, now_us(), who)
                )
                details = {
                    "first": file.first_id,
                    "last": file.last_id,
                    "rows": file.rows,
                    "sha256": file.sha256,
                }
                record(transaction, who=who, action="ledger.expire", subject=file.key, details=details)
            return True
