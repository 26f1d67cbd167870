"""Workspaces of earlier releases, and of code from before the first, are opened, migrated, and gone on with."""

from __future__ import annotations

import json
import sqlite3
import tomllib
from pathlib import Path

import pytest

from pulse_blocks import settings
from pulse_blocks.client import PulseClient
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import migrate, open_ledger
from pulse_blocks.ledger.base import REVISIONS
from tests import six_stages
from tests.release.kept_workspace import FOLDER, unpack
from tests.served_models import runtime
from tests.tiny_project import RECORD, ROOT, pulse

RELEASES = sorted(FOLDER.glob("*.tar.gz"))


def test_every_release_has_kept_one() -> None:
    """The present version among them, each small; and ledgers that have migrations before them."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"{version}.tar.gz" in [one.name for one in RELEASES]
    assert all(one.stat().st_size < 300_000 for one in RELEASES)
    assert {"ledger-0004.tar.gz", "ledger-0007.tar.gz"} <= {one.name for one in RELEASES}


@pytest.mark.parametrize("release", RELEASES, ids=lambda one: one.name.removesuffix(".tar.gz"))
def test_a_workspace_is_gone_on_with(release: Path, tmp_path: Path) -> None:
    """The same prediction to the bit, every id traced, all of it holding; and a new run on top of it."""
    told = unpack(release, tmp_path)
    workspace = settings.load(tmp_path, environ={})
    if _revision(tmp_path) != REVISIONS[-1]:
        with pytest.raises(PulseError) as outdated:
            open_ledger(workspace.ledger)
        assert outdated.value.code == "ledger.outdated"
    migrate(workspace.ledger)
    assert _revision(tmp_path) == REVISIONS[-1]
    with runtime(workspace, "tiny") as (url, _), PulseClient(url) as client:
        reply = client.predict("tiny", RECORD)
    assert (reply["model"], reply["probability"]) == (told.model, told.probability)
    for asked in filter(None, (told.inference, told.archived, reply["inference_id"])):
        tree = pulse(tmp_path, "lineage", asked)
        assert (tree.returncode, tree.stderr) == (0, "")
        assert all(one in tree.stdout for one in (told.model, told.run, told.snapshot))
    again = six_stages.run(workspace)
    assert (again.taken.id, again.taken.existed) == (told.snapshot, True)
    assert again.deployed.previous in (None, told.model)
    for command in (("audit", "verify"), ("snapshot", "verify", "--values")):
        checked = pulse(tmp_path, *command, "--json")
        assert checked.returncode == 0, checked.stdout
    counts = json.loads(pulse(tmp_path, "lineage", told.snapshot, "--json").stdout)
    assert counts["facts"]["standing"]["inferences"] == told.inferences + 1


def _revision(project: Path) -> str:
    """What a ledger says of itself."""
    with sqlite3.connect(project / ".pulse" / "ledger.db") as db:
        (revision,) = db.execute("select version_num from alembic_version").fetchone()
    db.close()
    return str(revision)
