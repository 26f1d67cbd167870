"""What MLflow is told of a training, by a thread of its own: opening MLflow takes as long as binning the data."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from pulse_blocks import ids
from pulse_blocks.records import Snapshot
from pulse_blocks.stages.context import Context

if TYPE_CHECKING:
    from pulse_blocks.tracking import Tracking
    from pulse_blocks.training import Fitted


class Bookkeeping:
    """The MLflow run of one training: opened, or resumed, while the fit goes on in its process.

    All that it does is done in order by one thread.
    """

    def __init__(self, context: Context, snapshot: Snapshot, pool: ThreadPoolExecutor) -> None:
        self._context, self._snapshot, self._pool = context, snapshot, pool
        self._following = contextlib.ExitStack()
        self._opening = pool.submit(self._open)
        self._tasks: list[Future[Any]] = [self._opening, pool.submit(_load_pictures)]

    def opened(self) -> tuple[Tracking, str]:
        """MLflow, and its id of the run. Waits for them; raises what went wrong."""
        return self._opening.result()

    def check(self) -> None:
        """Raise what has gone wrong by now."""
        for task in self._tasks:
            if task.done():
                task.result()

    def judged(self, fitted: Fitted) -> None:
        """Log a model and its card. May be repeated."""
        self._tasks.append(self._pool.submit(self._log, fitted))

    def settled(self) -> tuple[Tracking, str]:
        """The same as ``opened``, once all is written. Raises what went wrong."""
        for task in self._tasks:
            task.result()
        return self.opened()

    def _open(self) -> tuple[Tracking, str]:
        from pulse_blocks.tracking import Tracking

        context, snapshot = self._context, self._snapshot
        tracking = Tracking(context.workspace)
        run = tracking.open_run(
            context.protocol, snapshot.id, snapshot.hash, snapshot.datasource, context.attempt
        )
        self._following.enter_context(tracking.following_rounds(run))
        return tracking, run

    def _log(self, fitted: Fitted) -> None:
        from pulse_blocks.protocol.loading import find
        from pulse_blocks.training.card import card

        self._following.close()
        (tracking, run), protocol = self.opened(), self._context.protocol
        tracking.log_training(run, protocol, fitted, find(self._context.workspace, protocol.name))
        tracking.log_card(run, card(protocol, self._snapshot, fitted, ids.run_id(run)))

    def close(self) -> None:
        """Follow no rounds any more."""
        self._following.close()


@contextlib.contextmanager
def bookkeeping(context: Context, snapshot: Snapshot) -> Iterator[Bookkeeping]:
    """Keep the books until the block ends; what has not been begun by then is left out."""
    pool = ThreadPoolExecutor(1, "pulse-tracking")
    books = Bookkeeping(context, snapshot, pool)
    try:
        yield books
    finally:
        pool.shutdown(cancel_futures=True)
        books.close()


def _load_pictures() -> None:
    from pulse_blocks.training.card import plots

    plots.load()
