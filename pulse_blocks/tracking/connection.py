"""The way to MLflow: quiet, quick to give up, safe to open twice at once, and with its errors as ours."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.secret_urls import resolve_references
from pulse_blocks.settings import Workspace, sqlite_path

_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    # MLflow's own seven retries with doubling pauses hold a run up for minutes; Prefect retries the stage.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "GIT_PYTHON_REFRESH": "quiet",
}
SQLITE = "sqlite:///"
_PASSING = frozenset({"TEMPORARILY_UNAVAILABLE", "INTERNAL_ERROR", "RESOURCE_EXHAUSTED", "CANCELLED"})


def connect(workspace: Workspace) -> Any:
    """An ``MlflowClient`` of the workspace's tracking server; a new SQLite file gets its tables first.

    Raises UnavailableError where it is out of reach.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    uri = resolve_references(workspace.tracking)
    with door(workspace):
        import mlflow

        for logger in ("mlflow", "alembic"):
            logging.getLogger(logger).setLevel(logging.WARNING)
        database = sqlite_path(uri)
        if database is not None:
            _require_tables(database)
        # MLflow's SQL registry resolves models:/ by the process-wide address, whatever its client was given.
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        return _touch(uri)


@contextlib.contextmanager
def door(workspace: Workspace) -> Iterator[None]:
    """What goes wrong inside comes out as PulseError, or UnavailableError where trying again may help."""
    try:
        yield
    except PulseError:
        raise
    except OSError as error:
        raise _unavailable(workspace, error.strerror or str(error)) from error
    except Exception as error:
        module = type(error).__module__.partition(".")[0]
        if module == "mlflow":
            raise _translated(workspace, error) from error
        if module in ("sqlalchemy", "alembic", "requests", "urllib3", "sqlite3"):
            raise _unavailable(workspace, str(error)) from error
        raise


def _translated(workspace: Workspace, error: Any) -> PulseError:
    code = getattr(error, "error_code", "INTERNAL_ERROR")
    if code in _PASSING:
        return _unavailable(workspace, str(error))
    return PulseError("tracking.refused", f"MLflow at {workspace.tracking} refuses: {_first_line(error)}")


def _unavailable(workspace: Workspace, reason: str) -> UnavailableError:
    return UnavailableError(
        "tracking.unavailable",
        f"MLflow at {workspace.tracking} is out of reach: {_first_line(reason)}",
        "Check `tracking` and `artifacts` of the workspace and that the server runs.",
    )


def _first_line(text: object) -> str:
    lines = str(text).strip().splitlines() or ["no reason given"]
    return lines[0][:300].rstrip(".") + "."


def _require_tables(database: Path) -> None:
    """Make the SQLite file where there is none: by one process, the others wait, and whole or not at all.

    MLflow's own way is some 400 changes in place, each flushed to disk (4 s), and a crash among them leaves a
    file that it never repairs.
    """
    if database.exists():
        return
    with exclusive(database.with_name(f"{database.name}.lock")):
        if not database.exists():
            with tempfile.TemporaryDirectory(prefix="pulse-") as folder:
                fresh = Path(folder) / "mlflow.db"
                with _unflushed():
                    _touch(f"{SQLITE}{fresh}")
                _publish(fresh, database)


def _touch(uri: str) -> Any:
    """A client of ``uri`` that has talked to its server."""
    import mlflow

    client = mlflow.MlflowClient(uri, registry_uri=uri)
    client.search_experiments(max_results=1)
    client.search_registered_models(max_results=1)
    return client


@contextlib.contextmanager
def _unflushed() -> Iterator[None]:
    """SQLite connections of SQLAlchemy that do not wait for the disk, for a file that is still thrown away."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def relax(connection: Any, _record: Any) -> None:
        connection.execute("pragma synchronous = off")

    event.listen(Engine, "connect", relax)
    try:
        yield
    finally:
        event.remove(Engine, "connect", relax)


def _publish(fresh: Path, database: Path) -> None:
    """Let the file appear under its name, complete and on disk."""
    beside = database.with_name(f".{database.name}.tmp")
    with beside.open("wb") as file:
        file.write(fresh.read_bytes())
        file.flush()
        os.fsync(file.fileno())
    beside.replace(database)


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold a lock file of this machine until the block ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
