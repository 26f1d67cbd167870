"""A real PostgreSQL for tests, where its binaries are on this machine; in a folder of its own, on loopback."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from tests.required import need


def binaries() -> Path | None:
    """The folder of initdb and pg_ctl: from the PATH, or where Debian puts them."""
    found = shutil.which("initdb") or shutil.which("postgres")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists()), None)


class PostgresServer:
    """A server that tests may stop, start and kill. ``url`` is an empty database of it."""

    def __init__(self, folder: Path, where: Path) -> None:
        self._folder = folder
        self._where = where
        self._port = _free_port()
        self.url = f"postgresql://pulse@127.0.0.1:{self._port}/postgres"
        self._run(
            "initdb", "-D", str(self._data), "-A", "trust", "-U", "pulse", "-E", "UTF8",
            "--locale=C.UTF-8", "--no-sync",
        )  # fmt: skip
        self.start()

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = f"-c listen_addresses=127.0.0.1 -p {self._port} -k {self._folder} -c fsync=off"
        log = str(self._folder / "log")
        self._run("pg_ctl", "-D", str(self._data), "-l", log, "-o", options, "-w", "start")

    def stop(self) -> None:
        """Stop at once, as a crash would: connections are cut, and nothing is flushed."""
        self._run("pg_ctl", "-D", str(self._data), "-m", "immediate", "-w", "stop")

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """Until the block ends it takes connections and answers nothing, as on a disk that hangs."""
        first = int((self._data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        everyone = [first, *map(int, children)]
        for pid in everyone:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in everyone:
                os.kill(pid, signal.SIGCONT)

    def new_database(self) -> str:
        """The URL of an empty database of its own."""
        name = f"db_{uuid.uuid4().hex}"
        self._execute(f"create database {name}")
        return self.url.replace("/postgres", f"/{name}")

    def new_schema(self) -> str:
        """The same as far as a client can see, and quicker to make and to remove: an empty schema of its own."""
        name = f"schema_{uuid.uuid4().hex}"
        self._execute(f"create schema {name}")
        return f"{self.url}?options=-csearch_path%3D{name}"

    def _execute(self, sql: str) -> None:
        self._run(
            "psql", "-X", "-q", "-h", "127.0.0.1", "-p", str(self._port), "-U", "pulse", "-d", "postgres", "-c", sql
        )  # fmt: skip

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [*_unprivileged(), str(self._where / program), *arguments],
            check=True,
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
        )


def _unprivileged() -> list[str]:
    """PostgreSQL refuses to run as root: a prefix that runs a command as the user postgres (or nobody)."""
    if os.geteuid() != 0:
        return []
    names = {entry.pw_name for entry in pwd.getpwall()}
    return ["setpriv", f"--reuid={'postgres' if 'postgres' in names else 'nobody'}", "--clear-groups"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """A server until the block ends; skips the test (or fails it, see ``required``) where there is none."""
    where = binaries()
    need(where, "needs PostgreSQL: apt-get install postgresql")
    assert where is not None
    # A socket's path holds 107 characters at most, so pytest's own folders are too long.
    with tempfile.TemporaryDirectory(prefix="pg") as name:
        folder = Path(name)
        folder.chmod(0o777)
        server = PostgresServer(folder, where)
        try:
            yield server
        finally:
            with contextlib.suppress(subprocess.CalledProcessError):  # a test may have stopped it
                server.stop()
