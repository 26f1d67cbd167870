"""The workspace: where snapshots, models, MLflow and the ledger of a project live.

A plain record, read from ``.pulse/workspace.toml`` and the environment, so that the runtime and the command
line need no Prefect. Where nothing is configured it is the embedded default below ``.pulse/``. For every key
``KEY`` of the file the environment variable ``PULSE_KEY`` wins over it.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from pulse_blocks.errors import PulseError

FOLDER = ".pulse"
FILE = "workspace.toml"
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
    they are processes of this machine.
    """

    root: str = ""
    name: str = "default"
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
        """The ``.pulse`` folder of the project."""
        return Path(self.root) / FOLDER

    @property
    def protocols(self) -> Path:
        """The folder of the project's protocol files."""
        return Path(self.root) / "protocols"


# What a file, the environment (as PULSE_KEY) or a Prefect block may say.
KEYS = tuple(name for name in Workspace.__struct_fields__ if name not in ("root", "datasources"))


def find_root(start: Path | None = None) -> Path:
    """The project's folder: PULSE_ROOT, or the nearest parent with ``.pulse/`` or ``protocols/``."""
    configured = os.environ.get("PULSE_ROOT")
    if configured:
        return Path(configured).resolve()
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / FOLDER).is_dir() or (folder / "protocols").is_dir():
            return folder
    return here


def load(root: Path | None = None, environ: Mapping[str, str] | None = None) -> Workspace:
    """Read the workspace of a project. Raises PulseError for a file that cannot be understood."""
    folder = root.resolve() if root else find_root()
    env = os.environ if environ is None else environ
    path = folder / FOLDER / FILE
    values = _read(path)
    for key in KEYS:
        if from_env := env.get(f"PULSE_{key.upper()}"):
            values[key] = from_env
    values["root"] = str(folder)
    try:
        workspace = msgspec.convert(values, Workspace)
    except msgspec.ValidationError as error:
        raise PulseError("workspace.invalid", f"{path}: {error}.", "Correct or remove that key.") from None
    return absolute(workspace)


def _read(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PulseError(
            "workspace.invalid", f"{path} is not valid TOML: {error}.", "Correct the file."
        ) from None


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
