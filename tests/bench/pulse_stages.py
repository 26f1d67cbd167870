"""The six stages in one process, without Prefect, each with its seconds and peak memory."""

# ruff: noqa: T201  it prints what it measured
from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.bench.stopwatch import Stopwatch


def run(folder: str) -> None:
    """Run ``fraud-detector`` in the project ``folder``; print the laps as JSON."""
    import datetime as dt

    from pulse_blocks import settings
    from pulse_blocks.ledger import migrate, open_ledger
    from pulse_blocks.protocol import loading
    from pulse_blocks.protocol.window import resolve
    from pulse_blocks.stages.context import Context
    from pulse_blocks.stages.deploy import deploy
    from pulse_blocks.stages.ingest import ingest
    from pulse_blocks.stages.snapshot import snapshot
    from pulse_blocks.stages.store import store
    from pulse_blocks.stages.train import train
    from pulse_blocks.stages.validate import validate
    from pulse_blocks.times import utc_now

    watch = Stopwatch()
    workspace = settings.load(Path(folder))
    protocol = loading.load(workspace.protocols / "fraud-detector.yaml")
    window = resolve(protocol, None, None, dt.datetime.now(dt.UTC))
    migrate(workspace.ledger)
    with open_ledger(workspace.ledger) as ledger:
        attempt = ledger.begin(protocol.name, utc_now()).id
    context = Context(protocol=protocol, workspace=workspace, window=window, attempt=attempt)
    record: object = window
    for stage in (ingest, snapshot, validate, train, store, deploy):
        with watch.lap(stage.__name__):
            record = stage(record, context)  # type: ignore[operator]
    print(json.dumps({"laps": watch.laps}))


if __name__ == "__main__":
    run(sys.argv[1])
