"""What holds for a training process from outside, whatever it is doing: the kernel sees to it.

A library that is refused memory while it loads may try again for ever and never let another thread run, so nothing
that this process does by itself would end it.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Loading takes 2 to 4 s of processor time.
LOADING_SECONDS = 15
# How the kernel ends a process that has used up its processor time.
SPENT = -signal.SIGXCPU
_PR_SET_PDEATHSIG = 1


def end_with(parent: int) -> None:
    """Let the kernel end this process when the thread that started it does, which is one that lasts (Linux)."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)  # it had ended before


def give_way() -> None:
    """Where memory runs out the kernel is to take this process first, and not the pipeline that waits for it."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


@contextmanager
def processor_time(seconds: int) -> Iterator[None]:
    """Within this block the process ends with SIGXCPU once it has used so many seconds since its start."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    least = min([seconds, *(limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY)])
    resource.setrlimit(resource.RLIMIT_CPU, (least, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))
