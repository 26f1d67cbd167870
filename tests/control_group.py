"""A memory control group of a test's own: the kernel's limit for whatever is started in it."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.required import need_of_machine
from tests.waiting import until

_ROOT = Path("/sys/fs/cgroup")
_HELD = "import sys; held = bytearray(b'x') * int(sys.argv[1]); sys.stdin.read()"


class Group(NamedTuple):
    """A control group by its folder. ``version`` is 1 or 2."""

    folder: Path
    version: int

    def inside(self, *argv: str) -> list[str]:
        """A command that goes into the group and becomes this one."""
        return ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self.folder / "cgroup.procs"), *argv]

    def kills(self) -> int:
        """How often the kernel has killed in it for memory."""
        name = "memory.events" if self.version == 2 else "memory.oom_control"
        found = re.search(r"(?m)^oom_kill (\d+)$", (self.folder / name).read_text())
        return int(found[1]) if found else 0

    def held(self) -> int:
        """Bytes of memory in it that the kernel cannot take back."""
        name = "anon" if self.version == 2 else "rss"
        found = re.search(rf"(?m)^{name} (\d+)$", (self.folder / "memory.stat").read_text())
        return int(found[1]) if found else 0

    def limit(self, count: int) -> None:
        """Let it have so many bytes, and no swap beside."""
        plain, swap = (
            ("memory.max", "memory.swap.max")
            if self.version == 2
            else ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")
        )
        (self.folder / plain).write_text(str(count))
        with contextlib.suppress(OSError):  # a kernel that does not count swap
            (self.folder / swap).write_text("0" if self.version == 2 else str(count))

    @contextlib.contextmanager
    def neighbour(self, count: int) -> Iterator[subprocess.Popen[bytes]]:
        """Another process in the group that takes so many bytes within the block."""
        process = subprocess.Popen(
            self.inside(sys.executable, "-c", _HELD, str(count)), stdin=subprocess.PIPE
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


@contextlib.contextmanager
def control_group(limit: int) -> Iterator[Group]:
    """A group below the one that this process is in. Skips where this user, or this container, may not have one."""
    group, reason = _made()
    need_of_machine(group, f"needs a memory control group of its own: {reason}")
    assert group is not None
    try:
        group.limit(limit)
        yield group
    finally:
        assert until(lambda: not (group.folder / "cgroup.procs").read_text(), 30), "a process is left in it"
        group.folder.rmdir()


def _made() -> tuple[Group | None, str]:
    """The group, or why there is none."""
    try:
        own = _own()
    except OSError as error:
        return None, str(error)
    if own is None:
        return None, "the kernel has no memory controller here"
    parent, version = own
    group = Group(parent / f"pulse-test-{uuid.uuid4().hex[:8]}", version)
    try:
        group.folder.mkdir()
    except OSError as error:
        return None, str(error)
    try:
        # A process must be able to go in: version 2 refuses where the parent itself has processes.
        group.limit(2**40)
        subprocess.run(group.inside("true"), check=True)
    except (OSError, subprocess.SubprocessError) as error:
        group.folder.rmdir()
        return None, f"{group.folder} cannot be used: {error}"
    return group, ""


def _own() -> tuple[Path, int] | None:
    """The folder of this process's memory group, and the version it belongs to."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            return _inside(_ROOT / "memory", path), 1
    controllers_file = _ROOT / "cgroup.controllers"
    if controllers_file.is_file() and "memory" in controllers_file.read_text().split():
        path = Path("/proc/self/cgroup").read_text().splitlines()[-1].split(":", 2)[2]
        return _inside(_ROOT, path), 2
    return None


def _inside(root: Path, path: str) -> Path:
    """The group's folder; in a container that is what is mounted, whatever the path is called outside."""
    found = root / path.lstrip("/")
    return found if found.is_dir() else root
