"""How a workspace stands: models, runs, inferences, snapshots, disk use. Facts, to be shown by ``pulse status``."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.records import Record
from pulse_blocks.settings import Workspace, sqlite_path

if TYPE_CHECKING:
    from pulse_blocks.ledger import Ledger
    from pulse_blocks.ledger.automation_failures import AutomationFailure
    from pulse_blocks.ledger.rows import AttemptState

_DAY_MICROSECONDS = 86_400_000_000
_WEEK_SECONDS = 7 * 86_400


class LastRun(Record, frozen=True, kw_only=True):
    """The newest run of a protocol; ``state`` is running, interrupted, completed or failed."""

    state: str
    started: str
    ended: str | None
    message: str


class LastDrift(Record, frozen=True, kw_only=True):
    """The newest drift check of a protocol; ``verdict`` as ``pulse drift`` has it."""

    verdict: str
    at: str


class ModelStatus(Record, frozen=True, kw_only=True):
    """A protocol, its champion, since when, and what it does."""

    name: str
    champion: str | None
    since: str | None
    previous: str | None
    last_run: LastRun | None
    last_drift: LastDrift | None
    inferences_24h: int


class SnapshotStatus(Record, frozen=True, kw_only=True):
    """``rows`` and ``bytes`` as each snapshot holds them; chunks that several share take their place once on disk."""

    count: int
    rows: int
    bytes: int
    newest: str | None
    unreadable: int


class Status(Record, frozen=True, kw_only=True):
    """``disk`` counts bytes by place; a place on another machine is not in it. ``ready``: does a runtime answer?

    ``automation_failures`` are those of a week, ``events_waiting`` what Prefect has not heard of yet.
    """

    root: str
    workspace: str
    models: tuple[ModelStatus, ...]
    snapshots: SnapshotStatus
    disk: dict[str, int]
    runtime: str
    ready: bool
    automation_failures: int
    events_waiting: int


def overview(workspace: Workspace, runtime: str) -> Status:
    """Look at everything once. A workspace in which nothing was run yet is no error."""
    from pulse_blocks.cli.services import answers

    failures, waiting = _loop(workspace)
    return Status(
        root=workspace.root,
        workspace=workspace.name,
        models=_models(workspace),
        snapshots=_snapshots(workspace),
        disk=_disk(workspace),
        runtime=runtime,
        ready=answers(f"{runtime}/readyz"),
        automation_failures=failures,
        events_waiting=waiting,
    )


def recent_failures(ledger: Ledger, now: float) -> list[AutomationFailure]:
    """Failed actions of automations in the week before ``now`` (seconds since 1970), the newest first."""
    week = (now - _WEEK_SECONDS) * 1_000_000
    return [one for one in ledger.automation_failures() if one.at >= week]


def _loop(workspace: Workspace) -> tuple[int, int]:
    """How many actions of automations failed in a week, and how many events wait."""
    from pulse_blocks.ledger import open_ledger

    try:
        with open_ledger(workspace.ledger) as ledger:
            return len(recent_failures(ledger, time.time())), len(ledger.unsent())
    except PulseError as error:
        if error.code != "ledger.missing":
            raise
        return 0, 0


def _models(workspace: Workspace) -> tuple[ModelStatus, ...]:
    from pulse_blocks.ledger import open_ledger

    names = {path.stem for path in workspace.protocols.glob("*.yaml")}
    try:
        with open_ledger(workspace.ledger) as ledger:
            runs = {one.name: one for one in ledger.newest_attempts()}
            names |= {*runs, *ledger.promoted_names()}
            return tuple(_model(ledger, name, runs.get(name)) for name in sorted(names))
    except PulseError as error:
        if error.code != "ledger.missing":
            raise
    return tuple(
        ModelStatus(
            name=name,
            champion=None,
            since=None,
            previous=None,
            last_run=None,
            last_drift=None,
            inferences_24h=0,
        )
        for name in sorted(names)
    )


def _model(ledger: Ledger, name: str, run: AttemptState | None) -> ModelStatus:
    from pulse_blocks.lineage.node import time_of

    history = ledger.promotions(name)
    champion = history[-1] if history else None
    yesterday = time.time_ns() // 1000 - _DAY_MICROSECONDS
    models = {one.model for one in history}
    return ModelStatus(
        name=name,
        champion=champion.model if champion else None,
        since=time_of(champion.at) if champion else None,
        previous=champion.previous if champion else None,
        last_run=_last_run(run) if run else None,
        last_drift=_last_drift(ledger, name),
        inferences_24h=sum(ledger.inferences_since(model, yesterday) for model in models),
    )


def _last_drift(ledger: Ledger, name: str) -> LastDrift | None:
    from pulse_blocks.lineage.node import time_of

    checks = ledger.drift_checks(name, limit=1)
    return LastDrift(verdict=checks[0].verdict, at=time_of(checks[0].at)) if checks else None


def _last_run(run: AttemptState) -> LastRun:
    from pulse_blocks.lineage.node import time_of

    return LastRun(
        state=run.state,
        started=time_of(run.started),
        ended=time_of(run.ended) if run.ended is not None else None,
        message=run.message,
    )


def _snapshots(workspace: Workspace) -> SnapshotStatus:
    from pulse_blocks.snapshots.layout import MANIFEST, SNAPSHOTS
    from pulse_blocks.snapshots.reading import load
    from pulse_blocks.stores import open_store

    store, found, unreadable = open_store(workspace.store), [], 0
    for key in store.keys(SNAPSHOTS):
        if not key.endswith(f"/{MANIFEST}"):
            continue
        try:
            found.append(load(store, key.split("/")[1]))
        except UnavailableError:
            raise
        except PulseError:
            unreadable += 1
    return SnapshotStatus(
        count=len(found),
        rows=sum(one.rows for one in found),
        bytes=sum(one.bytes for one in found),
        newest=max((one.created for one in found), default=None),
        unreadable=unreadable,
    )


def _disk(workspace: Workspace) -> dict[str, int]:
    places: dict[str, Path | None] = {
        "store": _local(workspace.store),
        "ledger": sqlite_path(workspace.ledger),
        "mlflow": sqlite_path(workspace.tracking),
        "artifacts": _local(workspace.artifacts),
        "logs": workspace.folder / "logs",
        "prefect": workspace.folder / "prefect",
    }
    return {name: bytes_of(path) for name, path in places.items() if path is not None}


def _local(uri: str) -> Path | None:
    return None if "://" in uri else Path(uri)


def bytes_of(path: Path) -> int:
    """Bytes of a file with what SQLite keeps beside it, or of everything below a folder; 0 where there is nothing."""
    if not path.is_dir():
        return sum(_size(path.with_name(path.name + end)) for end in ("", "-wal", "-shm"))
    return sum(_size(Path(folder) / name) for folder, _, names in os.walk(path) for name in names)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # gone meanwhile, or never there
        return 0
