"""The training step, where it runs apart from its pipeline: on a pool of its own, sized for the data."""

from __future__ import annotations

from typing import Any

from prefect import State, flow

from flows.tasks import trial
from pulse_blocks.blocks import fitting
from pulse_blocks.blocks.trials import as_tasks


@flow(name="train-model", persist_result=False)
def fit(protocol: str, attempt: str, digest: str, memory: list[str]) -> State[Any]:  # noqa: ARG001  for the UI
    """Fit and judge one model for the pipeline that has started this run. Nobody need start it by hand.

    Args:
        protocol: Name of the protocol.
        attempt: Which run of the pipeline this belongs to: attempt_...
        digest: The sha256 of the protocol, under which the pipeline has put it into the store.
        memory: Limits of memory: those that were too little, then the one to train within.
    """
    with as_tasks(trial):
        return fitting.fit(attempt, digest, memory)
