"""Drift checks in MLflow: for each model a run whose metrics are time series and whose artifacts are the pages."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

from pulse_blocks.records import Record
from pulse_blocks.settings import Workspace
from pulse_blocks.tracking.runs import experiment_id

_FOLDER = "drift"
_FOREIGN = re.compile(r"[^A-Za-z0-9_. /-]")


class DriftFacts(Record, frozen=True, kw_only=True):
    """What a check has to tell: metrics by name, at the end of its window (milliseconds since 1970)."""

    check: str
    end_ms: int
    metrics: dict[str, float]


def log_drift(
    client: Any, workspace: Workspace, name: str, model: str, facts: DriftFacts, page: str | None
) -> str | None:
    """Add a check to the run of its model, which is made at the first one. Returns the page's address.

    That is a link where MLflow is a server, else the place of the file; None without a page.
    """
    from mlflow.entities import Metric

    experiment = experiment_id(client, workspace, f"{name}-drift")
    run = _run(client, experiment, model)
    step = facts.end_ms // 1000
    metrics = [
        Metric(f"drift/{_FOREIGN.sub('_', key)}", value, facts.end_ms, step)
        for key, value in facts.metrics.items()
    ]
    client.log_batch(run, metrics=metrics)
    if page is None:
        return None
    path = f"{facts.check}.html"
    with tempfile.TemporaryDirectory(prefix="pulse-") as folder:
        file = Path(folder) / path
        file.write_text(page, encoding="utf-8")
        client.log_artifact(run, str(file), _FOLDER)
    if workspace.tracking.startswith("http"):
        server = workspace.tracking.rstrip("/")
        return f"{server}/#/experiments/{experiment}/runs/{run}/artifacts/{_FOLDER}/{path}"
    return f"{client.get_run(run).info.artifact_uri}/{_FOLDER}/{path}"


def _run(client: Any, experiment: str, model: str) -> str:
    found = client.search_runs([experiment], f"tags.`pulse.drift.model` = '{model}'", max_results=1)
    if found:
        return str(found[0].info.run_id)
    tags = {"pulse.drift.model": model, "pulse.model": model}
    created = client.create_run(experiment, run_name=f"drift of {model}", tags=tags)
    client.set_terminated(created.info.run_id, "FINISHED")
    return str(created.info.run_id)
