"""Where things are kept and who must answer: ledger, store, MLflow, Prefect."""

from __future__ import annotations

import datetime as dt
import email.utils
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from pulse_blocks.cli.checkup.diagnosis import Diagnosis
from pulse_blocks.errors import PulseError
from pulse_blocks.settings import Workspace, sqlite_path

_CLOCK_SECONDS = 60.0


def ledger(workspace: Workspace) -> Iterator[Diagnosis]:
    from pulse_blocks.ledger import open_ledger

    try:
        with open_ledger(workspace.ledger) as ledger:
            names, waiting = ledger.promoted_names(), len(ledger.unsent())
    except PulseError as error:
        if error.code != "ledger.missing":
            raise
        yield Diagnosis(name="Ledger", level="ok", said="none yet; the first run makes it")
        return
    yield Diagnosis(name="Ledger", level="ok", said=f"can be read; models with a champion: {len(names)}")
    if waiting:
        yield Diagnosis(
            name="Events",
            level="warning",
            said=f"{waiting} events have not reached Prefect yet.",
            fix="They are sent at the end of the next run; check that the Prefect server is reachable.",
        )


def store(workspace: Workspace) -> Iterator[Diagnosis]:
    from pulse_blocks.stores import open_store

    if "://" in workspace.store:
        next(open_store(workspace.store).keys("snapshots/"), None)
        yield Diagnosis(name="Store", level="ok", said=f"{workspace.store} can be read")
    else:
        yield _writable("Store", Path(workspace.store))


def _writable(name: str, path: Path) -> Diagnosis:
    """Whether a folder, or the one that it would be made in, can be written."""
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return Diagnosis(name=name, level="ok", said=f"{path} can be written")
    fix = f"Check the permissions of {there}, or move it in .pulse/workspace.toml."
    return Diagnosis(name=name, level="broken", said=f"{path} cannot be written.", fix=fix)


def mlflow(workspace: Workspace) -> Iterator[Diagnosis]:
    if workspace.tracking.startswith("http"):
        yield _reached("MLflow", workspace.tracking, f"{workspace.tracking.rstrip('/')}/health")
        return
    path = sqlite_path(workspace.tracking)
    if path is not None and path.exists() and not os.access(path, os.R_OK | os.W_OK):
        yield Diagnosis(
            name="MLflow", level="broken", said=f"{path} cannot be written.", fix="Check its permissions."
        )
    elif path is not None:
        said = f"{path}" if path.exists() else "none yet; the first run makes it"
        yield Diagnosis(name="MLflow", level="ok", said=said)


def prefect(_: Workspace) -> Iterator[Diagnosis]:
    from pulse_blocks.cli.embedded import configured_api

    api = configured_api()
    if api is None:
        yield Diagnosis(name="Prefect", level="ok", said="embedded: started with each command that needs it")
    else:
        yield _reached("Prefect", api, f"{api.rstrip('/')}/health")


def _reached(name: str, address: str, probe: str) -> Diagnosis:
    from pulse_blocks.secret_urls import hidden

    shown = hidden(address)
    try:
        with urllib.request.urlopen(probe, timeout=5) as reply:  # noqa: S310 (http, from the configuration)
            behind = _seconds_apart(reply.headers.get("Date"))
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            return Diagnosis(name=name, level="ok", said=f"{shown} answers, and asks for credentials")
        return _unreachable(name, shown, f"status {error.code}")
    except (urllib.error.URLError, OSError, ValueError) as error:
        return _unreachable(name, shown, str(getattr(error, "reason", error)))
    if behind is not None and abs(behind) > _CLOCK_SECONDS:
        said = f"{shown} answers, but its clock and this one are {abs(behind):.0f} seconds apart."
        fix = "Set the clock that is wrong (chrony, systemd-timesyncd)."
        return Diagnosis(name=name, level="warning", said=said, fix=fix)
    return Diagnosis(name=name, level="ok", said=f"{shown} answers")


def _unreachable(name: str, address: str, reason: str) -> Diagnosis:
    fix = f"Start {name}, or correct its address in the configuration."
    return Diagnosis(name=name, level="broken", said=f"{address} is out of reach: {reason}.", fix=fix)


def _seconds_apart(date: str | None) -> float | None:
    try:
        there = email.utils.parsedate_to_datetime(date) if date else None
    except ValueError:
        return None
    return (there - dt.datetime.now(dt.UTC)).total_seconds() if there and there.tzinfo else None
