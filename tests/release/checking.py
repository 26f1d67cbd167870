"""What a release holds: built, and compared with the checkout, file by file."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path

from tests.tiny_project import ROOT

NAME = "pulse_blocks"
_SEMVER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?\Z")
_RELEASE = re.compile(r"^## (\S+) - (\d{4}-\d{2}-\d{2})\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
# Folders of the checkout that a wheel has among the templates.
_TEMPLATES = {"flows": "*.py", "deployments/automations": "*.yaml", "protocols": "flight-delay.yaml"}
_IN_SDIST = ("pulse_blocks", "flows", "protocols", "deployments", "tests", "docs", "requirements")
_BESIDE = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "mkdocs.yml",
    "prefect.toml",
    "prefect.yaml",
    "pyproject.toml",
)


def build(source: Path, folder: Path, *kinds: str) -> list[Path]:
    """The distributions of a source tree, by kind: ``wheel``, ``sdist``."""
    targets = [part for kind in kinds for part in ("-t", kind)]
    command = [sys.executable, "-m", "hatchling", "build", *targets, "-d", str(folder)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    endings = {"wheel": "*.whl", "sdist": "*.tar.gz"}
    return [next(folder.glob(endings[kind])) for kind in kinds]


def version() -> str:
    """The version that pyproject.toml says."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


def version_problems() -> Iterator[str]:
    """Where version, changelog, package and the workspace that this release keeps do not agree."""
    import pulse_blocks

    said = version()
    if not _SEMVER.match(said):
        yield f"pyproject.toml: {said} is no semantic version"
    if pulse_blocks.__version__ != said:
        yield f"pulse_blocks.__version__ is {pulse_blocks.__version__}, pyproject.toml says {said}"
    newest = _RELEASE.search((ROOT / "CHANGELOG.md").read_text())
    if newest is None or newest[1] != said:
        yield f"CHANGELOG.md: the newest release is {newest[1] if newest else 'none'}, pyproject.toml says {said}"
    elif not newest[3].strip():
        yield f"CHANGELOG.md: {said} has no notes"
    if not (ROOT / "tests" / "release" / "kept" / f"{said}.tar.gz").exists():
        yield f"tests/release/kept has no workspace of {said}: python -m tests.release.keep"


def wheel_problems(wheel: Path) -> Iterator[str]:
    """What is missing in a wheel, what should not be there, and what its metadata lacks."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
        info = f"{NAME}-{version()}.dist-info"
        wanted = {str(path.relative_to(ROOT)) for path in _tracked(ROOT / NAME)}
        for folder, pattern in _TEMPLATES.items():
            place = f"{NAME}/templates/{folder.rpartition('/')[2]}"
            wanted |= {f"{place}/{path.name}" for path in (ROOT / folder).glob(pattern)}
        wanted |= {
            f"{info}/{name}"
            for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")
        }
        yield from _differing("the wheel", wanted, names)
        if f"{info}/METADATA" not in names:
            return
        metadata = Parser().parsestr(archive.read(f"{info}/METADATA").decode())
        entries = archive.read(f"{info}/entry_points.txt").decode()
    if metadata["Version"] != version():
        yield f"the wheel says it is {metadata['Version']}"
    yield from (
        f"the metadata has no {key}" for key in ("License-Expression", "Requires-Python") if not metadata[key]
    )
    if not str(metadata.get_payload()).startswith("# "):
        yield "the metadata has no description"
    for entry in ("pulse = pulse_blocks.cli.main:main", "pulse_blocks = pulse_blocks.blocks"):
        if entry not in entries:
            yield f"entry point missing: {entry}"


def sdist_problems(sdist: Path) -> Iterator[str]:
    """The same of a source distribution: all that builds it, documents it and tests it."""
    root = f"{NAME}-{version()}/"
    with tarfile.open(sdist) as archive:
        names = {one.name.removeprefix(root) for one in archive.getmembers() if one.isfile()}
    wanted = {str(path.relative_to(ROOT)) for folder in _IN_SDIST for path in _tracked(ROOT / folder)}
    # hatchling adds what says which files are none of the project's.
    yield from _differing("the sdist", {*wanted, *_BESIDE, "PKG-INFO"}, names - {".gitignore"})


def _differing(what: str, wanted: set[str], names: set[str]) -> Iterator[str]:
    yield from (f"{what} lacks {name}" for name in sorted(wanted - names))
    yield from (f"{what} has a stray {name}" for name in sorted(names - wanted))


def _tracked(folder: Path) -> Iterator[Path]:
    """What git knows of a folder; all but what Python leaves behind, where there is no git."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "."],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode == 0:
        yield from (path for name in listed.stdout.splitlines() if (path := folder / name).exists())
        return
    yield from (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
