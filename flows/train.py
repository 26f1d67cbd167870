"""The training pipeline: six stages, one protocol."""

from __future__ import annotations

import datetime as dt
from typing import Any

from prefect import State, flow
from prefect.futures import PrefectFuture

from flows import tasks
from pulse_blocks.blocks.pipeline import PipelineRun, conduct


@flow(name="train", flow_run_name="{protocol}", persist_result=False)
def train(
    protocol: str,
    start: dt.date | None = None,
    end: dt.date | None = None,
    cause: str | None = None,
    fresh: bool = False,
) -> State[Any]:
    """Make a deployed model of a protocol: ingest, snapshot, validate, train, store, deploy.

    Args:
        protocol: Name of a file in protocols/, without its ending, for example flight-delay.
        start: First day of the data to train on (UTC). Empty: the protocol's own window.
        end: The day after the last day of the data (UTC). Empty: the protocol's own window.
        cause: Id of the drift check that asks for this run, drift_... Automations fill it in; else leave it empty.
        fresh: Validate and train anew even where an earlier run has done so with the same data and protocol.
    """
    return conduct(six_stages, protocol, start, end, cause, fresh=fresh)


def six_stages(run: PipelineRun) -> list[PrefectFuture[Any]]:
    """Each stage is handed the record of the one before it."""
    # Any: Prefect's types do not say that a task may be given the future of what it takes.
    raw: Any = tasks.ingest.submit(run)
    taken: Any = tasks.snapshot.submit(raw, run)
    data: Any = tasks.validate.submit(taken, run)
    model: Any = tasks.train.submit(data, run)
    stored: Any = tasks.store.submit(model, run)
    deployed = tasks.deploy.submit(stored, run)
    return [raw, taken, data, model, stored, deployed]
