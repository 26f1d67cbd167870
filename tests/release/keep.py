"""``python -m tests.release.keep``: keep a workspace as this version writes it, for later versions to open.

Run at every release; the file is named for the version in pyproject.toml and never written again.
"""

# ruff: noqa: T201  a script says what it wrote
from __future__ import annotations

import os
import socket
import tarfile
import tempfile
import tomllib
from pathlib import Path

import msgspec

from pulse_blocks import settings
from pulse_blocks.archive import moving
from pulse_blocks.client import PulseClient
from pulse_blocks.ledger import open_ledger
from pulse_blocks.ledger.rows import NewLabel
from pulse_blocks.stores import open_store
from tests import six_stages
from tests.old_inferences import NOW, old
from tests.release.kept_workspace import FILE, FOLDER, KEPT, Told
from tests.served_models import runtime
from tests.tiny_project import RECORD, ROOT, make_project


def main() -> None:
    """Train, predict, archive; then everything but MLflow's own files into one archive."""
    os.environ["LOGNAME"] = "ann"
    socket.gethostname = lambda: "desk"  # the ledger notes who acts and where: nobody's machine is published
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    target = FOLDER / f"{version}.tar.gz"
    if target.exists():
        raise SystemExit(f"{target} is there already: what a release wrote is not written again.")
    with tempfile.TemporaryDirectory() as temporary:
        project = make_project(Path(temporary) / "project")
        (project / FILE).write_bytes(msgspec.json.format(msgspec.json.encode(lived_in(project)), indent=1))
        with tarfile.open(target, "w:gz") as archive:
            for name in (FILE, *KEPT):
                archive.add(project / name, name, filter=_plain)
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size / 1000:.0f} kB")


def lived_in(project: Path) -> Told:
    """A workspace that has trained, predicted, been told a label, and archived."""
    workspace = settings.load(project, environ={})
    trained = six_stages.run(workspace)
    with runtime(workspace, "tiny") as (url, _), PulseClient(url) as client:
        reply = client.predict("tiny", RECORD)
    rows = old(40, 130, trained.stored.model)
    with open_ledger(workspace.ledger) as ledger:
        ledger.label([NewLabel(inference=reply["inference_id"], value="true")])
        ledger.append(rows)
        moving.move(ledger, open_store(workspace.store), "tiny", NOW)
        # One file: nothing is left in the WAL.
        ledger._database.read("pragma wal_checkpoint(truncate)")
    return Told(
        model=trained.stored.model,
        run=trained.stored.run,
        snapshot=trained.taken.id,
        inference=reply["inference_id"],
        probability=reply["probability"],
        inferences=1 + len(rows),
        archived=rows[7][0],
    )


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Nobody's name and no machine's user in it."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


if __name__ == "__main__":
    main()
