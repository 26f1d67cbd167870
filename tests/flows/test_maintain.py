"""The maintenance flow on a real Prefect server: what it did is told, and what it could not do as well."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest

from flows.maintain import maintain
from pulse_blocks import settings
from pulse_blocks.ledger import migrate, open_ledger
from pulse_blocks.settings import Workspace
from pulse_blocks.stores import open_store
from tests.old_inferences import NOW, old
from tests.prefect_server import Server
from tests.tiny_project import PROTOCOL


@pytest.fixture
def grown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A project that keeps inferences for 30 days, with ten that are older."""
    monkeypatch.setenv("PULSE_ROOT", str(tmp_path))
    workspace = settings.load(tmp_path, environ={})
    workspace.protocols.mkdir()
    (workspace.protocols / "tiny.yaml").write_text(f"{PROTOCOL}\nretention: {{live: 30d}}\n")
    migrate(workspace.ledger)
    with open_ledger(workspace.ledger) as ledger:
        ledger.append(old(10, 100 - (dt.datetime.now(dt.UTC) - NOW).days))
    return workspace


def test_old_inferences_are_archived(api: Server, grown: Workspace) -> None:
    """Told in a sentence, interrupted training too; a protocol that is not sound fails the run, the others are done."""
    (grown.protocols / "broken.yaml").write_text("pulse: 1\n")
    open_store(grown.store).put("unfinished/key/00000010.json", b"{}")
    kept = Path(grown.store) / "unfinished/key/00000010.json"
    os.utime(kept, (0, 0))
    state = maintain(return_state=True)
    assert state.is_failed()
    assert "10 inferences were archived" in str(state.message)
    assert "1 objects of interrupted training were deleted" in str(state.message)
    assert not kept.exists()
    assert "Not done for broken" in str(state.message)
    with open_ledger(grown.ledger) as ledger:
        assert [file.rows for file in ledger.inference_files()] == [10]
    (grown.protocols / "broken.yaml").unlink()
    state = maintain(return_state=True)
    assert (state.is_completed(), state.message) == (True, "Nothing is old enough.")
