"""More memory after running out: the same fit again with twice as much, up to a ceiling."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from pulse_blocks.protocol.spec import Protocol, seconds
from pulse_blocks.training.fitted import Fitted
from pulse_blocks.training.process import memory
from pulse_blocks.training.process.messages import Request
from pulse_blocks.training.process.watching import ALONE, Beside, OutOfMemoryError, fit, side_by_side
from pulse_blocks.training.sizing import MIB, in_bytes, plan, written


@dataclasses.dataclass(frozen=True)
class Outcome:
    """A fit and what it took: ``memory`` holds the limits in the order in which they were tried, the last was enough.

    ``peak`` is the most resident memory that it took, in bytes; ``drift`` as in ``messages.Done``.
    """

    fitted: Fitted
    memory: tuple[str, ...]
    peak: int
    drift: str


def fit_within(
    request: Request,
    tried: Sequence[str] = (),
    told: Callable[[str], None] | None = None,
    beside: Beside = ALONE,
) -> Outcome:
    """Fit within the memory that the plan gives, and again with twice as much each time it was not enough.

    ``tried`` are limits that were too little before: the last is doubled. ``told`` hears a sentence before each new
    try, ``beside`` is what ``watching.fit`` takes. Raises OutOfMemoryError past the ceiling, and what that raises.
    """
    protocol, used, has = request.protocol, list(tried), memory.available()
    limit = following(protocol, used[-1], has) if used else first(request, has)
    while True:
        used.append(written(limit))
        try:
            allowed = seconds(protocol.training.resources.timeout)
            done = fit(request, limit=limit, timeout=allowed, beside=beside)
        except OutOfMemoryError as error:
            limit = after(protocol, used, error, has)
            if told is not None:
                told(f"{used[-1]} of memory were not enough: trying again with {written(limit)}.")
        else:
            return Outcome(done.fitted, tuple(used), done.peak, done.drift)


def first(request: Request, has: int) -> int:
    """The memory to begin with, in bytes: the plan's for all workers that are here, at most the ceiling."""
    each = in_bytes(plan(request.protocol, request.snapshot).memory)
    return min(each * side_by_side(request), ceiling(request.protocol, has))


def following(protocol: Protocol, last: str, has: int) -> int:
    """Twice as much, at most the ceiling; ``has`` is what the machine or the platform gives, in bytes."""
    return min(2 * in_bytes(last), ceiling(protocol, has))


def after(protocol: Protocol, used: Sequence[str], error: OutOfMemoryError, has: int) -> int:
    """The memory for the try after the last one. Raises the error that names all tries where there is no more."""
    limit = following(protocol, used[-1], has)
    if limit > in_bytes(used[-1]):
        return limit
    said = protocol.training.resources.ceiling
    why = f"training.resources.ceiling is {said}" if said else "there is no more"
    raise OutOfMemoryError(
        error.code, f"{error.message} Tried: {', '.join(used)}; {why}.", error.hint
    ) from None


def ceiling(protocol: Protocol, has: int) -> int:
    """The protocol's, and never more than there is, in whole MiB."""
    said = protocol.training.resources.ceiling
    return min(in_bytes(said), has // MIB * MIB) if said else has // MIB * MIB


def sentence(used: Sequence[str]) -> str | None:
    """What a run says about its memory where the first try was not enough."""
    if len(used) < 2:
        return None
    return f"Trained with {used[-1]} of memory; {', '.join(used[:-1])} had not been enough."
