"""A real PostgreSQL for tests, where its binaries are on this machine; in a folder of its own, on a socket only."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path


def binaries() -> Path | None:
    """The folder of initdb and pg_ctl: from the PATH, or where Debian puts them."""
    found = shutil.which("initdb") or shutil.which("postgres")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists()), None)


def _unprivileged() -> list[str]:
    """PostgreSQL refuses to run as root: a prefix that runs a command as the user postgres (or nobody)."""
    if os.geteuid() != 0:
        return []
    names = {entry.pw_name for entry in pwd.getpwall()}
    return ["setpriv", f"--reuid={'postgres' if 'postgres' in names else 'nobody'}", "--clear-groups"]


@contextlib.contextmanager
def running_postgres() -> Iterator[str]:
    """The URL of an empty database, until the block ends. Needs ``binaries()``."""
    where = binaries()
    assert where is not None
    prefix = _unprivileged()
    # A socket's path holds 107 characters at most, so pytest's own folders are too long.
    with tempfile.TemporaryDirectory(prefix="pg") as name:
        folder = Path(name)
        folder.chmod(0o777)
        data = folder / "data"

        def run(*command: str) -> None:
            subprocess.run([*prefix, *command], check=True, cwd=folder, stdout=subprocess.DEVNULL)

        run(str(where / "initdb"), "-D", str(data), "-A", "trust", "-U", "pulse", "-E", "UTF8", "--no-sync")
        options = f"-c listen_addresses='' -k {folder} -c fsync=off"
        log = str(folder / "log")
        run(str(where / "pg_ctl"), "-D", str(data), "-l", log, "-o", options, "-w", "start")
        try:
            yield f"postgresql://pulse@/postgres?host={folder}"
        finally:
            run(str(where / "pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop")
