"""Trials of a search: each an MLflow run nested below the run of its model, found again by its number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pulse_blocks.protocol.spec import Protocol

if TYPE_CHECKING:
    from pulse_blocks.training.search import Tried


def log_trial(client: Any, parent: str, protocol: Protocol, metric: str, tried: Tried) -> None:
    """A trial with its parameters, its metric at every look and how it ended. The same again changes nothing."""
    from mlflow.entities import Metric, Param

    info = client.get_run(parent).info
    found = client.search_runs(
        [info.experiment_id],
        f"tags.`mlflow.parentRunId` = '{parent}' and tags.`pulse.trial` = '{tried.number}'",
        max_results=1,
    )
    if found and found[0].info.status != "RUNNING":
        return
    tags = {"mlflow.parentRunId": parent, "pulse.trial": str(tried.number), "pulse.trial.state": tried.state}
    if tried.refused:
        tags["pulse.error"] = tried.refused[:500]
    name = f"trial {tried.number} of {protocol.version}"
    run = found[0] if found else client.create_run(info.experiment_id, run_name=name, tags=tags)
    values = dict(tried.values)
    if tried.state != "refused":
        values[tried.rounds] = tried.value
    client.log_batch(
        run.info.run_id,
        params=[Param(key, str(value)) for key, value in tried.params.items()],
        metrics=[
            *(Metric(metric, value, info.start_time, step) for step, value in values.items()),
            Metric("seconds", tried.seconds, info.start_time, 0),
        ],
    )
    client.set_terminated(run.info.run_id, "FAILED" if tried.state == "refused" else "FINISHED")
