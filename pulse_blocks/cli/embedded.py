"""The embedded Prefect server: one for a project, shared by whoever needs it, stopped by the last of them.

Where Prefect is configured already (PREFECT_API_URL, a profile, prefect.toml) that server is used and nothing
is started. Otherwise the first command starts one below ``.pulse/prefect`` and the last one stops it. A command
that is killed leaves the server running; the next one finds it, uses it and stops it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from pulse_blocks.cli.ports import choose_port
from pulse_blocks.cli.services import Service, answers, stop_group
from pulse_blocks.settings import Workspace


class Running(msgspec.Struct, frozen=True):
    """A Prefect server: its API address, the UI's, and the process if it is the embedded one."""

    api: str
    ui: str
    pid: int | None = None


def environment(workspace: Workspace, api: str) -> dict[str, str]:
    """What a process of this project needs to know about the embedded server."""
    return {
        "PREFECT_API_URL": api,
        "PREFECT_HOME": str(workspace.folder / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }


def configured_api() -> str | None:
    """The API address that Prefect would use on its own, found without importing it (which takes seconds)."""
    if url := os.environ.get("PREFECT_API_URL"):
        return url
    project = _toml(Path("prefect.toml")).get("api")
    if isinstance(project, dict) and project.get("url"):
        return str(project["url"])
    home = Path(os.environ.get("PREFECT_HOME", Path.home() / ".prefect"))
    profiles = _toml(Path(os.environ.get("PREFECT_PROFILES_PATH", home / "profiles.toml")))
    active = os.environ.get("PREFECT_PROFILE") or profiles.get("active")
    known = profiles.get("profiles")
    profile = known.get(active) if isinstance(known, dict) else None
    return str(profile["PREFECT_API_URL"]) if profile and "PREFECT_API_URL" in profile else None


def _toml(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError):
        return {}


@contextlib.contextmanager
def prefect_server(workspace: Workspace, *, port: int | None = None) -> Iterator[Running]:
    """A Prefect server that answers, for as long as the block lasts."""
    if api := configured_api():
        yield Running(api=api, ui=api.removesuffix("/api"))
        return
    folder = workspace.folder / "run"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "prefect.users").open("wb") as users:
        with _exclusively(folder / "prefect.lock"):
            fcntl.flock(users, fcntl.LOCK_SH)
            running = _find(folder) or _start(workspace, folder, port)
        try:
            yield running
        finally:
            with _exclusively(folder / "prefect.lock"), contextlib.suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_UN)
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _stop(running, folder)


@contextlib.contextmanager
def _exclusively(path: Path) -> Iterator[None]:
    with path.open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _find(folder: Path) -> Running | None:
    try:
        running = msgspec.json.decode((folder / "prefect.json").read_bytes(), type=Running)
    except (OSError, msgspec.DecodeError):
        return None
    return running if answers(f"{running.api}/health") else None


def _start(workspace: Workspace, folder: Path, port: int | None) -> Running:
    chosen = choose_port(port, 4200, "the Prefect server")
    ui = f"http://127.0.0.1:{chosen.number}"
    api = f"{ui}/api"
    server = Service(
        "The Prefect server",
        [
            sys.executable,
            "-m",
            "prefect",
            "server",
            "start",
            "--host",
            "127.0.0.1",
            "--port",
            str(chosen.number),
        ],
        log=workspace.folder / "logs" / "prefect-server.log",
        env={
            **environment(workspace, api),
            "PREFECT_UI_API_URL": api,
            "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
        },
        url=ui,
        ready=f"{api}/health",
        port=chosen,
    )
    running = Running(api=api, ui=ui, pid=server.pid)
    # Written before it is ready: a command that is killed meanwhile leaves a server that can be found.
    (folder / "prefect.json").write_bytes(msgspec.json.encode(running))
    try:
        server.wait_ready()
    except BaseException:
        server.stop()
        raise
    return running


def _stop(running: Running, folder: Path) -> None:
    if running.pid is None:
        return
    (folder / "prefect.json").unlink(missing_ok=True)
    pid = running.pid

    def has_ended() -> bool:
        # The server may be our own child: then it has to be waited for, or it stays a zombie.
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        return not answers(f"{running.api}/health") and not _is_alive(pid)

    stop_group(pid, has_ended)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
