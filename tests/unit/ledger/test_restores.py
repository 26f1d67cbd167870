"""Which older snapshot is training data again."""

from __future__ import annotations

import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import migrate, open_ledger
from pulse_blocks.settings import Workspace


def test_the_pointer_and_its_history(any_ledger: Workspace) -> None:
    """It moves, it can be undone, each protocol has its own, and the audit log knows."""
    migrate(any_ledger.ledger)
    with open_ledger(any_ledger.ledger) as ledger:
        assert ledger.restored("a") is None
        assert ledger.undo_restore("a", "me") is None
        first = ledger.restore("a", "snap_000000000001", "me")
        assert ledger.restored("a") == first
        assert ledger.restore("a", "snap_000000000001", "you") == first
        ledger.restore("b", "snap_000000000002", "me")
        second = ledger.restore("a", "snap_000000000003", "you")
        assert second.seq > first.seq
        assert ledger.restored_snapshots() == {"a": "snap_000000000003", "b": "snap_000000000002"}
        assert ledger.undo_restore("a", "me") == second
        assert ledger.restored("a") is None
        assert ledger.restored_snapshots() == {"b": "snap_000000000002"}
        actions = [(row.action, row.subject, row.who) for row in ledger.audit_rows()]
        assert actions == [
            ("snapshot.restore", "a", "me"),
            ("snapshot.restore", "b", "me"),
            ("snapshot.restore", "a", "you"),
            ("snapshot.restore_undone", "a", "me"),
        ]


def test_no_row_is_ever_changed(any_ledger: Workspace) -> None:
    """The database itself refuses."""
    migrate(any_ledger.ledger)
    with open_ledger(any_ledger.ledger) as ledger:
        ledger.restore("a", "snap_000000000001", "me")
        with pytest.raises(PulseError), ledger._database.write() as transaction:
            transaction.execute("delete from restores where seq > ?", (0,))
        assert ledger.restored("a") is not None
