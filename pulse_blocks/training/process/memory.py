"""How much memory a process has, how much this machine or its container gives, and who was killed for it."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_CGROUPS = Path("/sys/fs/cgroup")


def resident(pid: int) -> int | None:
    """Bytes of resident memory of a process; None where it is gone or the system does not tell (not Linux)."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE
    except (OSError, IndexError):
        return None


def held(pid: int) -> int | None:
    """Bytes that a process and all below it hold, pages that they share counted once; None as for ``resident``."""
    own = resident(pid)
    return None if own is None else own + sum(_unshared(one) for one in _below(pid))


def _below(pid: int) -> Iterator[int]:
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, tasks.read_text(encoding="ascii").split()):
                yield child
                yield from _below(child)


def _unshared(pid: int) -> int:
    try:
        _, held, shared, *_ = map(int, Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return 0
    return (held - shared) * _PAGE


def reset_peak() -> None:
    """Let the high-water mark of this process begin anew at what is resident now."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak() -> int:
    """The high-water mark of this process's resident memory in bytes; 0 where the system does not tell."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def available() -> int:
    """What this machine has, or less where its container may not have all of it."""
    machine = os.sysconf("SC_PHYS_PAGES") * _PAGE
    limits = [limit for folder in _folders() if (limit := _limit(folder)) is not None]
    return min([machine, *limits])


def kills() -> int:
    """How often the kernel has killed a process of this one's control group for memory; 0 where it does not tell."""
    # Groups around it count others' too (version 2), or not those of this one (version 1).
    return next((count for folder in _folders() if (count := _kills(folder)) is not None), 0)


def _folders() -> list[Path]:
    """The memory control groups of this process, of version 2 and 1, and those around them."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines()
    except OSError:
        return []
    found: list[Path] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers in ("", "memory"):
            root = _CGROUPS / controllers
            # In a container the group's own folder is what is mounted, whatever its path is called outside.
            inner = root / path.lstrip("/")
            found += [folder for folder in (inner, *inner.parents) if folder.is_relative_to(root)]
    return found


def _limit(folder: Path) -> int | None:
    for name in ("memory.max", "memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):  # "max" is none
            return int((folder / name).read_text(encoding="ascii"))
    return None


def _kills(folder: Path) -> int | None:
    for name in ("memory.events", "memory.oom_control"):
        with contextlib.suppress(OSError):
            found = re.search(r"(?m)^oom_kill (\d+)$", (folder / name).read_text(encoding="ascii"))
            if found:
                return int(found[1])
    return None
