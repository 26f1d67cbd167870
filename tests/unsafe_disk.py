"""A disk that may fail to sync, and that loses what was not synced when a process is killed, as a power cut would.

SIGKILL alone shows nothing of that, because the page cache outlives the process. ``unsafe_disk.c``, loaded before
libc, writes down what every write replaces until it is synced; ``lose`` puts it back.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

from tests.required import need

_SOURCE = Path(__file__).with_suffix(".c")
_HEAD = struct.Struct("=qqq")


class UnsafeDisk:
    """The files of one folder (not those below it), for processes that are started with ``env``."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        compiler = shutil.which("gcc") or shutil.which("cc")
        need(compiler is not None, "there is no C compiler")
        self._library, self._log = scratch / "unsafe_disk.so", scratch / "undo"
        subprocess.run(
            [
                str(compiler),
                "-shared",
                "-fPIC",
                "-O1",
                "-o",
                str(self._library),
                str(_SOURCE),
                "-ldl",
                "-lpthread",
            ],
            check=True,
        )
        self._log.mkdir()
        self._folder = folder
        self.env = {
            "LD_PRELOAD": str(self._library), "UNSAFE_FOLDER": f"{folder}/", "UNSAFE_LOG": str(self._log),
        }  # fmt: skip

    def break_down(self, *, folders: bool = False) -> None:
        """From here on nothing is synced, and whoever asks for it is told so; ``folders`` below it neither."""
        if folders:
            # First, or a spool file could be begun between the two, and be good for ever.
            (self._log / "folders").touch()
        (self._log / "broken").touch()

    def fill(self) -> None:
        """From here on there is no space left."""
        (self._log / "full").touch()

    def repair(self) -> None:
        """All is well again."""
        for state in ("broken", "folders", "full"):
            (self._log / state).unlink(missing_ok=True)

    def lose(self) -> int:
        """Undo all that was not synced, once the process is dead; gives the number of writes that are gone."""
        lost = sum(self._undo(log) for log in self._log.glob("*.undo"))
        for path in self._log.iterdir():
            path.unlink()
        # Shared memory of processes, which no disk has ever held.
        for path in self._folder.glob("*-shm"):
            path.unlink()
        return lost

    def _undo(self, log: Path) -> int:
        data = log.read_bytes()
        at = struct.unpack_from("=q", data)[0]
        entries = []
        while at + _HEAD.size <= len(data):
            offset, count, size = _HEAD.unpack_from(data, at)
            entries.append((offset, data[at + _HEAD.size : at + _HEAD.size + count], size))
            at += _HEAD.size + count
        with (self._folder / log.stem).open("r+b") as file:
            for offset, replaced, size in reversed(entries):
                file.seek(offset)
                file.write(replaced)
                file.truncate(size)
        return len(entries)
