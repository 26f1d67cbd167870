"""This machine: interpreter, packages, SQLite, ports, clock, disk."""

from __future__ import annotations

import datetime as dt
import shutil
import sys
import time
from collections.abc import Iterator
from importlib import metadata

from pulse_blocks.cli.checkup.diagnosis import Diagnosis, Level
from pulse_blocks.errors import PulseError
from pulse_blocks.settings import Workspace
from pulse_blocks.times import iso

_SHOWN = ("prefect", "mlflow", "lightgbm", "polars", "pyarrow")
_LEAST_BYTES, _FEW_BYTES = 200_000_000, 2_000_000_000
# The usual ports, who uses them, and what answers there if it is ours.
PORTS = ((4200, "Prefect", "/api/health"), (5000, "MLflow", "/health"), (8080, "the runtime", "/readyz"))
_CLOCK_SECONDS = 60.0


def python(_: Workspace) -> Iterator[Diagnosis]:
    version = sys.version.split()[0]
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        yield Diagnosis(name="Python", level="ok", said=f"{version} in {sys.prefix}")
        return
    yield Diagnosis(
        name="Python",
        level="broken",
        said=f"{version} is not supported.",
        fix="Install Pulse with Python 3.11, 3.12 or 3.13.",
    )


def packages(_: Workspace) -> Iterator[Diagnosis]:
    from packaging.requirements import Requirement

    wrong = []
    for line in metadata.requires("pulse-blocks") or ():
        wanted = Requirement(line)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        found = _version(wanted.name)
        if found is None:
            wrong.append(f"{wanted.name} is missing")
        elif not wanted.specifier.contains(found, prereleases=True):
            wrong.append(f"{wanted.name} {found} does not meet {wanted.specifier}")
    if wrong:
        fix = f"pip install --upgrade pulse-blocks=={_version('pulse-blocks')}"
        yield Diagnosis(name="Packages", level="broken", said=f"{', '.join(wrong)}.", fix=fix)
    versions = ", ".join(f"{name} {_version(name)}" for name in ("pulse-blocks", *_SHOWN) if _version(name))
    yield Diagnosis(name="Packages", level="ok", said=versions)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def sqlite(_: Workspace) -> Iterator[Diagnosis]:
    import pysqlite3

    from pulse_blocks.ledger.sqlite import check_version

    check_version()
    yield Diagnosis(name="SQLite", level="ok", said=f"{pysqlite3.sqlite_version}, from the pysqlite3 package")


def ports(_: Workspace) -> Iterator[Diagnosis]:
    from pulse_blocks.cli.ports import is_free
    from pulse_blocks.cli.services import answers

    taken = []
    for port, what, probe in PORTS:
        if not is_free(port) and not answers(f"http://127.0.0.1:{port}{probe}"):
            taken.append(f"{port} ({what})")
    if taken:
        said = f"Taken by another program: {', '.join(taken)}."
        fix = "pulse up chooses free ones; pulse serve takes --port."
        yield Diagnosis(name="Ports", level="warning", said=said, fix=fix)
    else:
        yield Diagnosis(name="Ports", level="ok", said="4200, 5000 and 8080 are free or answer as expected")


def clock(workspace: Workspace) -> Iterator[Diagnosis]:
    """A clock that went back would give ids and promotions in the wrong order."""
    from pulse_blocks.ledger import open_ledger

    now, newest = time.time(), 0.0
    try:
        with open_ledger(workspace.ledger) as ledger:
            newest = max((one.started / 1e6 for one in ledger.newest_attempts()), default=0.0)
    except PulseError:
        pass  # told by the check of the ledger
    if newest > now + _CLOCK_SECONDS:
        ahead = iso(dt.datetime.fromtimestamp(newest, dt.UTC))
        yield Diagnosis(
            name="Clock",
            level="broken",
            said=f"It says {iso(dt.datetime.now(dt.UTC))}, and the ledger has a run of {ahead}.",
            fix="Set this machine's clock before anything is promoted or served.",
        )
    else:
        yield Diagnosis(name="Clock", level="ok", said=iso(dt.datetime.fromtimestamp(now, dt.UTC)))


def disk(workspace: Workspace) -> Iterator[Diagnosis]:
    from pulse_blocks.cli.output import size

    free = shutil.disk_usage(workspace.root).free
    level: Level = "broken" if free < _LEAST_BYTES else "warning" if free < _FEW_BYTES else "ok"
    fix = None if level == "ok" else "Make room: runs and the ledger stop where the disk is full."
    yield Diagnosis(name="Disk", level=level, said=f"{size(free)} free at {workspace.root}", fix=fix)
