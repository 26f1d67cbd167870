"""From the file and the environment to the record."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from pulse_blocks.errors import PulseError
from pulse_blocks.settings import choosing
from pulse_blocks.settings.choosing import Origin
from pulse_blocks.settings.record import DEFAULT, FILE, FOLDER, KEYS, Workspace, absolute, places_below


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


def load(
    root: Path | None = None, environ: Mapping[str, str] | None = None, name: str | None = None
) -> Workspace:
    """Read a workspace of a project: ``name``, or the one that environment and file choose.

    Raises PulseError ``workspace.invalid`` for a file that cannot be understood, ``workspace.unknown`` for a name
    that it does not have.
    """
    folder = root.resolve() if root else find_root()
    return _gather(folder, os.environ if environ is None else environ, name)[0]


def origins(workspace: Workspace, environ: Mapping[str, str] | None = None) -> dict[str, Origin]:
    """Where each key of a workspace comes from. Raises as ``load`` does."""
    env = os.environ if environ is None else environ
    return _gather(Path(workspace.root), env, workspace.name)[1]


def _gather(root: Path, env: Mapping[str, str], name: str | None) -> tuple[Workspace, dict[str, Origin]]:
    path = root / FOLDER / FILE
    file = choosing.read(path)
    top = {key: value for key, value in file.items() if key not in ("workspaces", "current")}
    _convert(top, path)
    default, tables = choosing.default_name(file, path), choosing.tables_of(file, path)
    wanted = name or choosing.chosen(file, path, env)[0]
    if wanted in (DEFAULT, default):
        wanted, place, said, values = default, FOLDER, "the file", dict(top)
    else:
        choosing.check_name(wanted)
        place, said = f"{FOLDER}/workspaces/{wanted}", f"[workspaces.{wanted}]"
        known = wanted in tables or (env.get("PULSE_STORE") and env.get("PULSE_LEDGER"))
        if not known:
            raise _unknown(wanted, (default, *sorted(tables)), path)
        values = _table(file, wanted, path)
    found = {key: Origin("file", said) if key in values else Origin("default") for key in KEYS}
    for key in KEYS:
        if from_env := env.get(variable := f"PULSE_{key.upper()}"):
            values[key], found[key] = from_env, Origin("environment", variable)
    fixed = {"root": str(root), "place": place, "name": wanted}
    return absolute(_convert({**places_below(place), **values, **fixed}, path)), found


def _unknown(name: str, there: tuple[str, ...], path: Path) -> PulseError:
    return PulseError(
        "workspace.unknown",
        f"{path} has no workspace {name} (there is: {', '.join(there)}).",
        f"Make it: pulse workspace create {name}.",
    )


def _table(file: dict[str, Any], name: str, path: Path) -> dict[str, Any]:
    """What a table says, and the datasources of all; nothing more where the environment alone knows of it."""
    table = choosing.tables_of(file, path).get(name, {})
    if fixed := sorted({"name", "root", "place"} & table.keys()):
        raise choosing.invalid(path, f"[workspaces.{name}] has the key {fixed[0]}, which no table may have")
    shared, own = file.get("datasources", {}), table.get("datasources", {})
    if not isinstance(own, dict):
        raise choosing.invalid(path, f"[workspaces.{name}] has datasources that are no table")
    return {**table, "datasources": {**shared, **own}}


def _convert(values: dict[str, Any], path: Path) -> Workspace:
    try:
        return msgspec.convert(values, Workspace)
    except msgspec.ValidationError as error:
        raise choosing.invalid(path, str(error)) from None
