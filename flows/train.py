"""The training pipeline: six stages, one protocol."""

from __future__ import annotations

import datetime as dt
from typing import Any

from prefect import State, flow

from flows import tasks
from pulse_blocks.blocks import pipeline


@flow(name="train", flow_run_name="{protocol}", persist_result=False)
def train(protocol: str, start: dt.date | None = None, end: dt.date | None = None) -> State[Any]:
    """Make a deployed model of a protocol: ingest, snapshot, validate, train, store, deploy.

    Args:
        protocol: Name of a file in protocols/, without its ending, for example flight-delay.
        start: First day of the data to train on (UTC). Empty: the protocol's own window.
        end: The day after the last day of the data (UTC). Empty: the protocol's own window.
    """
    run = pipeline.begin(protocol, start, end)
    raw = tasks.ingest.submit(run)
    taken = tasks.snapshot.submit(raw, run)
    data = tasks.validate.submit(taken, run)
    model = tasks.train.submit(data, run)
    stored = tasks.store.submit(model, run)
    deployed = tasks.deploy.submit(stored, run)
    return run.conclude(raw, taken, data, model, stored, deployed)
