"""A run that trains nothing itself: what another has logged, under a protocol of its own."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from pulse_blocks import ids
from pulse_blocks.protocol.spec import Protocol, to_json

_BATCH = 1000
_FILES = ("importance.json", "importance.png", "environment.json", "model_card.md", "model_card.html")


def copy_training(client: Any, source: str, target: str, protocol: Protocol) -> None:
    """Parameters, last metrics, pictures and card of ``source`` for ``target``; the same again changes nothing."""
    from mlflow.entities import Metric, Param, RunTag

    run, began = client.get_run(source), client.get_run(target).info.start_time
    metrics = [Metric(name, value, began, 0) for name, value in run.data.metrics.items()]
    tags = {
        name: value
        for name, value in run.data.tags.items()
        if name.startswith(("pulse.environment.", "pulse.memory"))
    }
    params = [Param(name, value) for name, value in run.data.params.items()]
    client.log_batch(
        target,
        params=params,
        metrics=metrics[:_BATCH],
        tags=[RunTag(name, value) for name, value in (tags | {"pulse.reused": ids.run_id(source)}).items()],
    )
    present = {file.path for file in client.list_artifacts(source)}
    with tempfile.TemporaryDirectory(prefix="pulse-") as folder:
        for name in _FILES:
            if name in present:
                client.log_artifact(target, client.download_artifacts(source, name, folder))
        path = Path(folder) / "protocol.json"
        path.write_bytes(to_json(protocol))
        client.log_artifact(target, str(path))
