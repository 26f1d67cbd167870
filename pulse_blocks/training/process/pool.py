"""Training processes: started ahead, since loading LightGBM takes seconds, and kept for the fit after this one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

from pulse_blocks.training.process import bounds

_TAIL_BYTES = 4_000
# What MLflow, polars and Pandera set when they are loaded here; a training process loads none of them.
_OF_OTHERS = ("MLFLOW_", "GIT_PYTHON_", "_RJEM_", "PYARROW_IGNORE_TIMEZONE", "SPARK_LOCAL_IP")


class Child:
    """A training process in a group of its own, with whatever it starts."""

    def __init__(self) -> None:
        reading, writing = os.pipe()
        self.replies = reading
        self.environment = _surroundings()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as the process
        try:
            self.process = subprocess.Popen(  # noqa: S603 (argv is built here, no shell)
                [
                    *(sys.executable, "-m", "pulse_blocks.training.process.child"),
                    *map(str, (writing, os.getpid(), bounds.LOADING_SECONDS)),
                ],
                stdin=subprocess.PIPE,
                stdout=self._said,
                stderr=self._said,
                pass_fds=(writing,),
                start_new_session=True,
            )
        finally:
            os.close(writing)

    def usable(self) -> bool:
        """Whether it still runs, in the surroundings that a new one would have."""
        return self.process.poll() is None and self.environment == _surroundings()

    def send(self, data: bytes) -> None:
        """Write to its standard input; one that is gone is found out by its silence."""
        assert self.process.stdin is not None  # noqa: S101  it was asked for
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(data)
            self.process.stdin.flush()

    def kill(self) -> int:
        """End it and what it has started, now. Returns its exit code: the one that it had, where it had ended."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        code = self.process.wait()
        assert self.process.stdin is not None  # noqa: S101
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        os.close(self.replies)
        return code

    def said(self) -> str:
        """The end of what it has written to its standard error."""
        self._said.seek(0, os.SEEK_END)
        self._said.seek(max(0, self._said.tell() - _TAIL_BYTES))
        return self._said.read().decode(errors="replace")


def _surroundings() -> dict[str, str]:
    """The environment, as far as a training process looks at it."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OF_OTHERS)}


_idle: list[Child] = []
_lock = threading.Lock()
# A process ends with the thread that has started it: this one lasts as long as the program.
_starter = ThreadPoolExecutor(1, thread_name_prefix="pulse-training")


def prepare() -> None:
    """Start a process for a fit that is to come, unless one waits already."""
    with _lock:
        if not any(child.usable() for child in _idle):
            _idle.append(_starter.submit(Child).result())


def take() -> Child:
    """A process that nobody else uses."""
    with _lock:
        while _idle:
            child = _idle.pop()
            if child.usable():
                return child
            child.kill()
    return _starter.submit(Child).result()


def give_back(child: Child) -> None:
    """Keep a process that has done its work well."""
    with _lock:
        _idle.append(child)


def discard() -> None:
    """End the processes that wait."""
    with _lock:
        while _idle:
            _idle.pop().kill()
