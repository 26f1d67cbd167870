"""What was true of a workspace when its release kept it."""

from __future__ import annotations

import tarfile
from pathlib import Path

import msgspec

FOLDER = Path(__file__).parent / "kept"
FILE = "told.json"
# Of a project's folder; MLflow migrates its own files.
KEPT = (
    "protocols",
    ".pulse/workspace.toml",
    ".pulse/parcels.db",
    ".pulse/ledger.db",
    ".pulse/signing.key",
    ".pulse/store",
)


class Told(msgspec.Struct, frozen=True):
    """Ids, the probability that ``inference`` was answered with, and how many inferences there are.

    Code from before archives has no ``archived``.
    """

    model: str
    run: str
    snapshot: str
    inference: str
    probability: float
    inferences: int = 41
    archived: str | None = None


def unpack(release: Path, folder: Path) -> Told:
    """The project of a release in an empty folder."""
    with tarfile.open(release) as archive:
        archive.extractall(folder, filter="data")
    return msgspec.json.decode((folder / FILE).read_bytes(), type=Told)
