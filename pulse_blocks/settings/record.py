"""The record of a workspace, and what a path in it means."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

FOLDER = ".pulse"
FILE = "workspace.toml"
DEFAULT = "default"
_SQLITE = "sqlite:///"


class Datasource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where rows come from: ``sqlite:///path``, ``postgresql://...`` or a file's path or URL."""

    url: str


class Workspace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a stage, the runtime or a command needs to know about its surroundings.

    Paths in URLs are relative to ``root`` in the file and absolute once loaded. ``durability`` is what a reply of
    the runtime survives in the ledger: a power loss, or only the death of the process. ``training_pool`` is the Prefect
    work pool on which training runs as a step of its own; where it is empty training is a child of the pipeline.
    ``dask`` is the address of a Dask scheduler or a cluster class for training with several workers; where it is empty
    they are processes of this machine. ``place`` is the folder of what belongs to this workspace alone.
    """

    root: str = ""
    place: str = FOLDER
    name: str = DEFAULT
    store: str = f"{FOLDER}/store"
    ledger: str = f"{_SQLITE}{FOLDER}/ledger.db"
    tracking: str = f"{_SQLITE}{FOLDER}/mlflow.db"
    artifacts: str = f"{FOLDER}/artifacts"
    durability: Literal["full", "process"] = "full"
    training_pool: str = ""
    dask: str = ""
    datasources: dict[str, Datasource] = {}

    @property
    def folder(self) -> Path:
        """What belongs to this workspace: ``.pulse``, or a folder below it."""
        return Path(self.root) / self.place

    @property
    def file(self) -> Path:
        """The file that describes all workspaces of the project."""
        return Path(self.root) / FOLDER / FILE

    @property
    def protocols(self) -> Path:
        """The folder of the project's protocol files."""
        return Path(self.root) / "protocols"


# What a file, the environment (as PULSE_KEY) or a Prefect block may say.
KEYS = tuple(
    name for name in Workspace.__struct_fields__ if name not in ("root", "place", "name", "datasources")
)


def places_below(place: str) -> dict[str, object]:
    """Where a workspace keeps things if nobody says otherwise."""
    return {
        "store": f"{place}/store",
        "ledger": f"{_SQLITE}{place}/ledger.db",
        "tracking": f"{_SQLITE}{place}/mlflow.db",
        "artifacts": f"{place}/artifacts",
    }


def absolute(workspace: Workspace) -> Workspace:
    """The same workspace with every relative path taken from its root."""
    root = Path(workspace.root)
    return msgspec.structs.replace(
        workspace,
        store=absolute_path(workspace.store, root),
        ledger=absolute_url(workspace.ledger, root),
        tracking=absolute_url(workspace.tracking, root),
        artifacts=absolute_path(workspace.artifacts, root),
        datasources={
            name: Datasource(absolute_url(source.url, root)) for name, source in workspace.datasources.items()
        },
    )


def absolute_path(path: str, root: Path) -> str:
    """A path below ``root``, unless it is absolute or a URL already."""
    return path if "://" in path else str(root / path)


def absolute_url(url: str, root: Path) -> str:
    """A ``sqlite:///`` URL with an absolute path; a plain path made absolute; any other URL as it is."""
    if url.startswith(_SQLITE):
        return _SQLITE + str(root / url.removeprefix(_SQLITE))
    return absolute_path(url, root)


def sqlite_path(url: str) -> Path | None:
    """The file of a ``sqlite:///`` URL, None for any other URL."""
    return Path(url.removeprefix(_SQLITE)) if url.startswith(_SQLITE) else None
