"""``python -m pulse_blocks.training.process.child FD PARENT SECONDS``: fit what is asked on standard input.

It replies through FD, and ends with the process PARENT or with its standard input, so that it never outlives whoever
asked, even one that was killed. For loading its libraries it has SECONDS of processor time.
"""

from __future__ import annotations

import ctypes
import os
import queue
import signal
import sys
import threading
import traceback
from contextlib import suppress
from typing import IO

from pulse_blocks import progress
from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.training.process import bounds
from pulse_blocks.training.process.memory import peak, reset_peak
from pulse_blocks.training.process.messages import (
    Done,
    Judged,
    Refused,
    Reply,
    Request,
    Tested,
    Told,
    frame,
    requested,
)


def main() -> None:
    """Serve requests one after the other until there are no more."""
    # Ctrl-C in a terminal reaches every process; whoever asked decides what becomes of this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    replies, parent, loading = map(int, sys.argv[1:])
    bounds.end_with(parent)
    bounds.give_way()
    with os.fdopen(replies, "wb", buffering=0) as out:
        asked: queue.SimpleQueue[Request] = queue.SimpleQueue()
        threading.Thread(target=_listen, args=(sys.stdin.buffer, asked), daemon=True).start()
        with bounds.processor_time(loading):
            _load()
        while True:
            request = asked.get()
            with progress.listening(lambda told: _send(out, Told(told))):
                reply = _answer(request, out)
            _send(out, reply)
            del request, reply
            _give_back()


def _listen(stream: IO[bytes], asked: queue.SimpleQueue[Request]) -> None:
    """Take requests, also while one is worked on: the end of the stream ends the process in the midst of a fit."""
    try:
        while (request := requested(stream)) is not None:
            asked.put(request)
    finally:
        # However it ends (memory may be refused to this thread as well): nobody else hears of the parent's end.
        os._exit(0)


def _load() -> None:
    """What takes seconds to load, while nothing has been asked yet."""
    import importlib

    for name in ("pulse_blocks.training.threads", "lightgbm", "pyarrow.parquet", "sklearn.metrics"):
        importlib.import_module(name)


def _answer(request: Request, out: IO[bytes]) -> Reply:
    reset_peak()
    try:
        return _fit(request, out)
    except MemoryError:
        return Refused("memory", "training.out_of_memory", "An allocation was refused.", None)
    except UnavailableError as error:
        return Refused("unavailable", error.code, error.message, error.hint)
    except PulseError as error:
        # LightGBM tells of an allocation that was refused as it tells of anything.
        starved = "bad_alloc" in error.message
        return Refused("memory" if starved else "refused", error.code, error.message, error.hint)
    except Exception as error:  # noqa: BLE001  told where it can be seen
        return Refused("bug", "pulse.bug", f"{type(error).__name__}: {error}", traceback.format_exc())


def _fit(request: Request, out: IO[bytes]) -> Done | Tested:
    from pulse_blocks import training
    from pulse_blocks.records import to_json
    from pulse_blocks.stores import open_store
    from pulse_blocks.stores.s3_calls import Credentials, sign_in
    from pulse_blocks.training.monitoring import drift_reference
    from pulse_blocks.training.search.trial import forget, try_out

    if request.credentials:
        sign_in(Credentials(**request.credentials))  # type: ignore[arg-type]  # as Credentials wrote them
    store = open_store(request.store)
    if request.trial is not None:
        return Tested(try_out(request.protocol, request.snapshot, request.validated, store, request.trial))
    forget()
    fitted = training.fit(
        request.protocol, request.snapshot, request.validated, store, request.champion, request.execution
    )
    # Whoever asked writes the model down while drift is calibrated.
    _send(out, Judged(fitted))
    drift = drift_reference(
        request.protocol, request.snapshot, store, fitted.text, fitted.importance, fitted.calibration
    )
    return Done(peak(), "" if drift is None else to_json(drift).decode())


def _send(out: IO[bytes], reply: Reply) -> None:
    try:
        data = frame(reply)
        while data:
            data = data[out.write(data) :]
    except BrokenPipeError:
        os._exit(0)


def _give_back() -> None:
    """Return what is free to the system: the next fit is counted from there."""
    import gc

    import pyarrow as pa

    gc.collect()
    pa.default_memory_pool().release_unused()
    with suppress(AttributeError, OSError):  # glibc alone has it
        ctypes.CDLL(None).malloc_trim(0)


if __name__ == "__main__":
    main()
