"""One fit in a training process, watched: how far it is, how much memory it has, how long it takes."""

from __future__ import annotations

import dataclasses
import os
import select
import time
from collections.abc import Callable, Iterator

from pulse_blocks import progress
from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.training.fitted import Fitted
from pulse_blocks.training.process import bounds, memory, pool
from pulse_blocks.training.process.messages import (
    Done,
    Judged,
    Refused,
    Replies,
    Reply,
    Request,
    Tested,
    Told,
    frame,
)
from pulse_blocks.training.search.trial import Tried
from pulse_blocks.training.workers import workers_of

_LOOK_SECONDS = 0.02
_GIB, _MIB = 2**30, 2**20
# How Python, the linker and libraries say that they got no memory, before the process ends.
_STARVED = (
    *("bad_alloc", "Cannot allocate memory", "out of memory", "Thread creation failed"),
    *("MemoryError", "Memory allocation", "failed to map segment"),
)


class OutOfMemoryError(PulseError):
    """A training process needed more memory than it was given."""


class _Starved(Exception):  # noqa: N818  it never leaves this module
    """Why the process is taken to have run out of memory."""


@dataclasses.dataclass(frozen=True)
class Finished:
    """A fit and what it took, as in ``messages.Done``."""

    fitted: Fitted
    peak: int
    drift: str


@dataclasses.dataclass(frozen=True)
class Beside:
    """What goes on here beside a fit in its process.

    ``check`` is called every few hundredths of a second, and what it raises ends the fit. ``judged`` hears of the model
    as soon as it stands, while drift is still calibrated; again where the fit has to be repeated after that. Neither
    may take long: meanwhile nobody looks at the process.
    """

    check: Callable[[], object] = lambda: None
    judged: Callable[[Fitted], object] = lambda _: None


ALONE = Beside()


def fit(request: Request, *, limit: int | None, timeout: float, beside: Beside = ALONE) -> Finished:
    """Fit in a process of its own that may have ``limit`` bytes of resident memory and ``timeout`` seconds.

    Where it starts workers of its own the limit is for all of them together.

    Raises what the fit raises; OutOfMemoryError ``training.out_of_memory`` where the process went beyond its limit, was
    killed for memory by the kernel, or was refused an allocation; PulseError ``training.timeout``; UnavailableError
    ``training.killed`` where it died of anything else, since trying again may help.
    """
    models: list[Fitted] = []

    def judged(fitted: Fitted) -> None:
        models.append(fitted)
        beside.judged(fitted)

    done = _answer(request, limit, timeout, Beside(beside.check, judged))
    assert isinstance(done, Done)  # noqa: S101  what a request without a trial is answered by
    return Finished(models[-1], done.peak, done.drift)


def side_by_side(request: Request) -> int:
    """How many processes of this machine hold the rows: workers that are elsewhere do not count."""
    if request.trial is not None or request.execution.dask is not None:
        return 1
    return workers_of(request.protocol, request.snapshot)


def try_out(request: Request, *, limit: int | None, timeout: float) -> Tried:
    """The same for a request with a trial: one of the processes that try several in turn."""
    tested = _answer(request, limit, timeout, ALONE)
    assert isinstance(tested, Tested)  # noqa: S101  what a request with a trial is answered by
    return tested.tried


def _answer(request: Request, limit: int | None, timeout: float, beside: Beside) -> Done | Tested:
    kills = memory.kills()
    child = pool.take()
    try:
        child.send(frame(request))
        done = _await(child, request, limit, timeout, beside)
    except _Starved as starved:
        child.kill()
        raise _out_of_memory(request, limit, str(starved)) from None
    except EOFError:
        raise _died(child, request, limit, kills) from None
    except BaseException:
        child.kill()
        raise
    pool.give_back(child)
    return done


def _await(
    child: pool.Child, request: Request, limit: int | None, timeout: float, beside: Beside
) -> Done | Tested:
    deadline = time.monotonic() + timeout
    # A cluster of this machine is below the process, and holds the rows. To look at all costs, one is the rule.
    measure = memory.held if side_by_side(request) > 1 else memory.resident
    for reply in _replies(child, limit, deadline, beside.check, measure):
        match reply:
            case Told(progress=told):
                progress.report(told.stage, told.done, told.total, told.note, told.metrics)
            case Judged(fitted=fitted):
                beside.judged(fitted)
            case Done() | Tested():
                return reply
            case Refused(kind="memory"):
                raise _Starved("an allocation was refused")
            case Refused(kind="unavailable"):
                raise UnavailableError(reply.code, reply.message, reply.hint)
            case Refused(kind="bug"):
                raise RuntimeError(f"The training process failed: {reply.message}\n{reply.hint}")
            case Refused():
                raise PulseError(reply.code, reply.message, reply.hint)
    raise PulseError(
        "training.timeout",
        f"Training was ended after {timeout:,.0f} s, which is all it may take (training.resources.timeout).",
        "Give it more time, more cores (training.resources.cpu), or fewer rounds.",
    )


def _replies(
    child: pool.Child,
    limit: int | None,
    deadline: float,
    check: Callable[[], object],
    measure: Callable[[int], int | None],
) -> Iterator[Reply]:
    """What the process says, until the deadline. Raises EOFError where it has ended."""
    replies = Replies()
    while time.monotonic() < deadline:
        check()
        has = measure(child.process.pid)
        if limit is not None and has is not None and has > limit:
            raise _Starved(f"it had reached {has / _MIB:,.0f} MiB")
        readable, _, _ = select.select([child.replies], [], [], _LOOK_SECONDS)
        if readable:
            data = os.read(child.replies, 1 << 20)
            if not data:
                raise EOFError
            yield from replies.feed(data)


def _died(child: pool.Child, request: Request, limit: int | None, kills: int) -> PulseError:
    """What the end of a process means that had not finished."""
    child.process.wait()
    code, said = child.kill(), child.said()
    if code == -9 and memory.kills() > kills:
        return _out_of_memory(request, limit, "the kernel killed it for memory")
    if code == bounds.SPENT:
        return _out_of_memory(
            request, limit, "its libraries could not be loaded within the memory that there is"
        )
    if any(word in said for word in _STARVED):
        return _out_of_memory(request, limit, "an allocation was refused")
    lines = [line for line in said.splitlines() if line.strip()]
    last = f": {lines[-1].strip()}" if lines else "."
    return UnavailableError(
        "training.killed",
        f"The training process of {request.protocol.name} ended with code {code} before it was done{last}",
        "What it had not finished is not lost elsewhere: run the protocol again.",
    )


def _out_of_memory(request: Request, limit: int | None, how: str) -> OutOfMemoryError:
    given = "what this machine has" if limit is None else f"the {limit / _MIB:,.0f} MiB that it was given"
    return OutOfMemoryError(
        "training.out_of_memory",
        f"Training {request.protocol.name} took more memory than {given}: {how}.",
        "Raise training.resources.ceiling, or train on fewer rows or columns.",
    )
