"""A new project's files, from what the wheel carries."""

from __future__ import annotations

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from pulse_blocks.errors import PulseError

# Template and its place in the project. Flows and automations come on top: those of this very version.
_FILES = {
    "README.md": "README.md",
    "prefect.yaml": "prefect.yaml",
    "prefect.toml": "prefect.toml",
    "gitignore": ".gitignore",
    "deployments.md": "deployments/README.md",
    "test_protocols.py.txt": "tests/test_protocols.py",
}
_PLACEHOLDER = "PROJECT"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z")


def check_folder(folder: Path) -> None:
    """Raise PulseError where a project cannot be put there: a name for no project, or something is there."""
    if not _NAME.match(folder.name):
        raise PulseError(
            "init.name",
            f"{folder.name!r} is no name for a project.",
            "A name has letters, digits, dots, dashes and underscores, and starts with a letter or a digit.",
        )
    try:
        there = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
    except OSError as error:
        raise PulseError(
            "init.folder", f"{folder} cannot be used: {error.strerror}.", "Choose another name."
        ) from None
    if there:
        some = ", ".join(there[:3]) + (", ..." if len(there) > 3 else "")
        raise PulseError(
            "init.not_empty",
            f"{folder} is not empty: it has {some}. Nothing was touched.",
            "Choose another name, or an empty folder.",
        )


def write(folder: Path) -> list[str]:
    """Write the project; returns the paths below it. Raises PulseError where the folder cannot be written."""
    contents = project_files(folder.name)
    try:
        (folder / "protocols").mkdir(parents=True, exist_ok=True)
        for name, text in contents.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PulseError(
            "init.unwritable", f"{folder} cannot be written: {error.strerror}.", "Check its permissions."
        ) from None
    return sorted(contents)


def project_files(name: str) -> dict[str, str]:
    """The text of every file of a new project, by its path."""
    templates = files("pulse_blocks") / "templates"
    made = {
        place: (templates / template).read_text(encoding="utf-8").replace(_PLACEHOLDER, name)
        for template, place in _FILES.items()
    }
    for folder, place, ending in (
        (flows(), "flows", ".py"),
        (automations(), "deployments/automations", ".yaml"),
    ):
        for file in folder.iterdir():
            if file.name.endswith(ending):
                made[f"{place}/{file.name}"] = file.read_text(encoding="utf-8")
    return made


def flows() -> Traversable:
    """The flows that belong to this version: in the wheel among the templates, in a checkout the project's own."""
    return _packaged("flows", "flows")


def automations() -> Traversable:
    """The automations of this version, likewise."""
    return _packaged("automations", "deployments", "automations")


def protocols() -> Traversable:
    """The protocols that a demo's project begins with."""
    return _packaged("protocols", "protocols")


def _packaged(name: str, *checkout: str) -> Traversable:
    packaged = files("pulse_blocks") / "templates" / name
    return packaged if packaged.is_dir() else files("pulse_blocks").joinpath("..", *checkout)
