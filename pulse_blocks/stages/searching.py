"""The search of a train stage: trials in processes of their own, each a nested MLflow run."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from pulse_blocks.errors import PulseError
from pulse_blocks.records import Searched, Snapshot, ValidatedData
from pulse_blocks.stages.context import Context

if TYPE_CHECKING:
    from pulse_blocks.stores.base import Store
    from pulse_blocks.tracking import Tracking
    from pulse_blocks.training.fitted import Fitted
    from pulse_blocks.training.process import Request
    from pulse_blocks.training.search import Trial, Tried

# One choice of parameters that takes too long, or more memory than there is, is no reason to end a search.
_TOO_MUCH = ("training.timeout", "training.out_of_memory")


def searched(
    request: Request, snapshot: Snapshot, store: Store, context: Context, tracking: Tracking, run: str
) -> Searched | None:
    """What ``training.search`` has chosen; None where the protocol asks for no search.

    Trials run as whoever is in charge maps them (Prefect tasks, or threads), as many at once as memory holds.
    """
    import msgspec

    from pulse_blocks.protocol.spec import seconds
    from pulse_blocks.training.process import memory, try_out
    from pulse_blocks.training.process.retrying import ceiling
    from pulse_blocks.training.search import search
    from pulse_blocks.training.search.results import results_of
    from pulse_blocks.training.search.trial import given_up
    from pulse_blocks.training.sizing import predicted

    protocol = context.protocol
    if protocol.training.search is None:
        return None
    room = threading.Semaphore(max(memory.available() // predicted(protocol, snapshot).memory, 1))
    limit, timeout = ceiling(protocol, memory.available()), seconds(protocol.training.resources.timeout)

    def evaluate(trial: Trial) -> Tried:
        asked = msgspec.structs.replace(request, trial=trial, champion=None)
        began = time.monotonic()
        with room:
            try:
                return try_out(asked, limit=limit, timeout=timeout)
            except PulseError as error:
                if error.code not in _TOO_MUCH:
                    raise
                return given_up(trial, error.message, time.monotonic() - began)

    def tell(tried: Tried) -> None:
        tracking.log_trial(run, protocol, tried)

    return search(protocol, evaluate, results_of(protocol, snapshot, request.validated, store), tell)


def forget(fitted: Fitted, data: ValidatedData, snapshot: Snapshot, store: Store, context: Context) -> None:
    """The model is kept, or refused: neither its search nor its fit need be gone on with any more."""
    from pulse_blocks.training.search.results import results_of
    from pulse_blocks.training.unfinished import remove

    if context.protocol.training.search is not None:
        results_of(context.protocol, snapshot, data, store).remove()
    if fitted.unfinished:
        remove(store, fitted.unfinished)
