"""What a forked process of the runtime and the one that forked it tell each other, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn

import msgspec

from pulse_blocks.errors import PulseError

log = logging.getLogger("pulse.serving")

# How often a worker that answers says so.
BEAT_SECONDS = 1.0
# Neither byte begins or is part of a failure, which is JSON.
READY, BEAT = b"+", b"\0"


class Failure(msgspec.Struct):
    """Why a process could not begin, on its way to the one that started it."""

    code: str
    message: str
    hint: str | None


@contextlib.contextmanager
def ending() -> Iterator[None]:
    """End the process with the block, however it ends: a forked one must not return into its parent's code."""
    code = 1
    try:
        yield
        code = 0
    except SystemExit:
        pass
    except BaseException as error:  # noqa: BLE001 - its kind, no stack: see above
        log.error("A process of the runtime ends with %s.", type(error).__name__)  # noqa: TRY400
    finally:
        leave(code)


def leave(code: int) -> NoReturn:
    """End the process at once, whatever its threads do."""
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


async def all_return(calls: Sequence[Callable[[], None]], seconds: float) -> bool:
    """Make calls at the same time, each on a thread of its own; whether all of them came back in time."""
    threads = [threading.Thread(target=call, daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    until = time.monotonic() + seconds
    while any(thread.is_alive() for thread in threads):
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.01)
    return True


def ended() -> Iterator[tuple[int, int]]:
    """Pid and wait status of every process that this one has started and that has ended."""
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            yield found


def stop_with(life: int) -> None:
    """Wait until nobody holds the other end of the pipe ``life``, and stop this process then."""
    os.read(life, 1)
    os.kill(os.getpid(), signal.SIGTERM)


class Report:
    """A worker's end of the pipe to the one that started it, whose reader may be gone or stopped: nothing blocks."""

    def __init__(self, pipe: int) -> None:
        os.set_blocking(pipe, False)
        self._pipe = pipe

    def ready(self) -> None:
        """It answers. From here on it must beat."""
        self._tell(READY)

    async def keep_beating(self) -> None:
        """It still does, until cancelled.

        On the event loop, because that is what must not hang: it gives up models and ledgers that do.
        """
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            self._tell(BEAT)

    def failed(self, error: PulseError) -> None:
        """It could not begin."""
        self._tell(msgspec.json.encode(Failure(error.code, error.message, error.hint)))

    def _tell(self, text: bytes) -> None:
        with contextlib.suppress(OSError):
            os.write(self._pipe, text)


def failure_of(told: bytes) -> PulseError:
    """The error that a process told of before it ended."""
    try:
        found = msgspec.json.decode(told, type=Failure)
    except msgspec.MsgspecError:
        return PulseError("serving.worker_died", "A worker of the runtime died and could not say why.")
    return PulseError(found.code, found.message, found.hint)
