"""The file of a project's workspaces: which there are, and which one is in use."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from pulse_blocks.errors import PulseError
from pulse_blocks.settings.record import DEFAULT, FILE, FOLDER

VARIABLE = "PULSE_WORKSPACE"
_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*\Z")
_LONGEST_NAME = 40


class Origin(msgspec.Struct, frozen=True):
    """Where the value of a key comes from: an environment variable, a table of the file (or its top), the default."""

    kind: Literal["environment", "file", "default"]
    place: str = ""


def names(root: Path) -> tuple[str, ...]:
    """The workspaces of a project, the default one first. Raises PulseError as ``load`` does."""
    path = root / FOLDER / FILE
    file = read(path)
    return (default_name(file, path), *sorted(tables_of(file, path)))


def current(root: Path, environ: Mapping[str, str] | None = None) -> tuple[str, Origin]:
    """The name of the workspace in use, and what has chosen it. Raises PulseError as ``load`` does."""
    path, env = root / FOLDER / FILE, os.environ if environ is None else environ
    file = read(path)
    return chosen(file, path, env)


def check_name(name: str) -> None:
    """Raise PulseError ``workspace.name`` for what is no name of a workspace."""
    if not _NAME.match(name) or len(name) > _LONGEST_NAME:
        raise PulseError(
            "workspace.name",
            f"{name!r} is no name for a workspace.",
            f"A name has lowercase letters, digits and single dashes, starts with a letter and has at most"
            f" {_LONGEST_NAME} characters.",
        )


def chosen(file: dict[str, Any], path: Path, env: Mapping[str, str]) -> tuple[str, Origin]:
    """The name of the workspace in use, and what has chosen it: PULSE_WORKSPACE, the file, nobody."""
    default = default_name(file, path)
    if from_env := env.get(VARIABLE):
        return (default if from_env == DEFAULT else from_env), Origin("environment", VARIABLE)
    if "current" not in file:
        return default, Origin("default")
    said = file["current"]
    if said not in (DEFAULT, default, *tables_of(file, path)):
        raise invalid(path, f"current names {said!r}, and there is no such workspace")
    return (default if said == DEFAULT else said), Origin("file", "current")


def default_name(file: dict[str, Any], path: Path) -> str:
    """What the workspace at the top of the file is called."""
    name = file.get("name", DEFAULT)
    if not isinstance(name, str):
        raise invalid(path, "Expected `str`, got something else - at `$.name`")
    return name


def tables_of(file: dict[str, Any], path: Path) -> dict[str, dict[str, Any]]:
    """The workspaces beside the default one, as the file has them."""
    found = file.get("workspaces", {})
    if not isinstance(found, dict) or not all(isinstance(table, dict) for table in found.values()):
        raise invalid(path, "workspaces holds tables alone: [workspaces.NAME]")
    taken = {DEFAULT, default_name(file, path)} & found.keys()
    if taken:
        raise invalid(path, f"[workspaces.{taken.pop()}] has the name of the default workspace")
    return found


def read(path: Path) -> dict[str, Any]:
    """The file as it is; empty where there is none."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PulseError(
            "workspace.invalid", f"{path} is not valid TOML: {error}.", "Correct the file."
        ) from None


def invalid(path: Path, reason: str) -> PulseError:
    """A file that cannot be understood."""
    return PulseError("workspace.invalid", f"{path}: {reason}.", "Correct or remove that key.")
