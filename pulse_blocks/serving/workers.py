"""Several processes for one runtime: started together, started again when they die or hang, stopped together."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from pulse_blocks.errors import PulseError
from pulse_blocks.serving.processes import (
    BEAT,
    BEAT_SECONDS,
    READY,
    Report,
    ended,
    ending,
    failure_of,
    stop_with,
)

log = logging.getLogger("pulse.serving")

GRACE_SECONDS = 15.0
# A worker that lived shorter than this did not work; the next one waits, twice as long each time.
_STEADY_SECONDS = 5.0
_LONGEST_PAUSE = 10.0
# So many beats a worker that answers may miss before it counts as hung.
_SILENT_BEATS = 10

# What a worker does: serve at a socket until SIGTERM, report once it answers, and beat from then on.
Work = Callable[[socket.socket, Report], None]


class _Worker:
    """One process at one socket, and what it has told so far."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        self.pid = 0
        self.status = -1
        self.told = b""
        self.started = 0.0
        self.early_deaths = 0
        self.start_at = 0.0
        self.silent = 0

    @property
    def ready(self) -> bool:
        return self.told == READY

    def listen(self) -> None:
        """Take in what it has said since."""
        with contextlib.suppress(BlockingIOError):
            said = os.read(self.status, 65536)
            self.silent = 0 if said else self.silent
            self.told += said.replace(BEAT, b"")


class Supervisor:
    """The process that owns the sockets. It serves nothing itself, so that nothing but a signal ends it."""

    def __init__(self, listeners: Sequence[socket.socket], work: Work, ready: Callable[[], None]) -> None:
        self._workers = [_Worker(listener) for listener in listeners]
        self._work = work
        self._ready = ready
        self._announced = False
        self._stopping = False
        self._kill_at = self._beat_at = float("inf")
        # Workers hold the reading end: where this process is gone, however it went, they stop.
        self._life = os.pipe()

    def run(self) -> None:
        """Keep a worker at each socket until SIGTERM or SIGINT. Call it in the main thread, without others.

        Raises the PulseError of a worker that could not start at first; then the others are stopped.
        """
        with self._signals() as woken:
            failure: PulseError | None = None
            while True:
                now = time.monotonic()
                if not self._stopping:
                    self._start_missing(now)
                self._wait(woken, now)
                failure = self._reap() or failure
                self._kill_silent(time.monotonic())
                if failure and not self._stopping:
                    self._stop()
                if not self._announced and all(worker.ready for worker in self._workers):
                    self._announced = True
                    self._announce()
                if self._stopping and not any(worker.pid for worker in self._workers):
                    break
        if failure:
            raise failure

    def _start_missing(self, now: float) -> None:
        for worker in self._workers:
            if not worker.pid and now >= worker.start_at:
                self._start(worker, now)

    def _start(self, worker: _Worker, now: float) -> None:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            self._be_worker(worker, writing)
        os.close(writing)
        os.set_blocking(reading, False)
        worker.pid, worker.status, worker.told, worker.started = pid, reading, b"", now
        worker.silent = 0
        self._beat_at = min(self._beat_at, now + BEAT_SECONDS)

    def _announce(self) -> None:
        """Tell that the runtime answers, in a process that ends at once.

        What telling loads (clients with threads of their own) must not be here when the next worker is forked.
        """
        if os.fork() == 0:
            with ending():
                self._be_child(None)
                self._ready()

    def _be_worker(self, worker: _Worker, status: int) -> None:
        """The new process; never returns."""
        with ending():
            self._be_child(worker)
            report = Report(status)
            try:
                self._work(worker.listener, report)
            except PulseError as error:
                report.failed(error)
                raise SystemExit(1) from error

    def _be_child(self, worker: _Worker | None) -> None:
        """Let go of what belongs to the supervisor and to other workers."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        # ctrl-C reaches the whole group; the supervisor tells when to stop.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.close(self._life[1])
        for other in self._workers:
            if other is not worker:
                other.listener.close()
        threading.Thread(target=stop_with, args=(self._life[0],), daemon=True).start()

    def _wait(self, woken: int, now: float) -> None:
        until = [worker.start_at for worker in self._workers if not worker.pid and not self._stopping]
        timeout = max(0.0, min([*until, self._kill_at, self._beat_at]) - now)
        pipes = [worker.status for worker in self._workers if worker.pid and not worker.told]
        with contextlib.suppress(InterruptedError):
            found, _, _ = select.select([woken, *pipes], [], [], timeout)
            if woken in found:
                os.read(woken, 1024)
        if time.monotonic() >= self._kill_at:
            self._signal(signal.SIGKILL)

    def _reap(self) -> PulseError | None:
        """Note who has told what and who has died; the failure of one that never served at first."""
        failure, gone = None, dict(ended())
        for worker in self._workers:
            if not worker.pid:
                continue
            worker.listen()
            code = gone.get(worker.pid)
            if code is not None:
                worker.listen()
                os.close(worker.status)
                worker.pid = worker.silent = 0
                if self._stopping:
                    continue
                if not self._announced:
                    failure = failure_of(worker.told)
                else:
                    self._plan_restart(worker, os.waitstatus_to_exitcode(code))
        return failure

    def _kill_silent(self, now: float) -> None:
        """End workers that answer no more and do not die of it: a deadlock, SIGSTOP.

        Missed beats are counted here, one a round, and not by the clock: where this process was stopped itself (a
        container that was paused), all were.
        """
        if now < self._beat_at:
            return
        self._beat_at = now + BEAT_SECONDS
        for worker in self._workers:
            worker.silent += worker.ready and worker.pid > 0 and not self._stopping
            if worker.pid and worker.silent >= _SILENT_BEATS:
                log.error("A worker hangs; it is ended.")
                os.kill(worker.pid, signal.SIGKILL)

    def _plan_restart(self, worker: _Worker, code: int) -> None:
        now = time.monotonic()
        steady = worker.ready and now - worker.started > _STEADY_SECONDS
        worker.early_deaths = 0 if steady else worker.early_deaths + 1
        # The first time at once: most workers die of something that is over with them.
        pause = 0.0 if worker.early_deaths < 2 else min(2.0 ** (worker.early_deaths - 2), _LONGEST_PAUSE)
        worker.start_at = now + pause
        reason = f"signal {-code}" if code < 0 else failure_of(worker.told.removeprefix(READY)).message
        log.error("A worker has died (%s); another takes its place.", reason)
        worker.told = b""

    def _stop(self) -> None:
        """Tell the workers to finish what they have begun; when told again, at once."""
        self._kill_at = time.monotonic() + GRACE_SECONDS
        if not self._stopping:
            self._stopping = True
            for worker in self._workers:
                # Nobody may be queued any more at a socket that nobody will accept from.
                worker.listener.close()
        self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> None:
        for worker in self._workers:
            if worker.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker.pid, number)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[int]:
        """Signals wake ``select``; gives the descriptor that becomes readable then."""
        reading, writing = os.pipe()
        for end in (reading, writing):
            os.set_blocking(end, False)
        handlers = {
            number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
        }
        wakeup = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop())
        signal.signal(signal.SIGCHLD, lambda *_: None)
        try:
            yield reading
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            for end in (reading, writing, *self._life):
                os.close(end)
