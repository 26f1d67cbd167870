"""What telling a run as OpenLineage events costs it: time that the pipeline waits, and CPU of its process."""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from pulse_blocks import settings
from pulse_blocks.openlineage.telling import Telling
from pulse_blocks.protocol import loading
from pulse_blocks.settings import Workspace
from tests import six_stages, tiny_project
from tests.six_stages import Outcome

_TIMES = 20


class Cost(NamedTuple):
    """Of one run, in seconds: what its stages waited, what its end waited, and CPU of all threads."""

    stages: float
    end: float
    cpu: float


def main() -> None:
    """Off, then on with the file transport: the first run of a process, which imports the client, and later ones."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        workspace = settings.load(tiny_project.make_project(folder / "project"), environ={})
        started = time.perf_counter()
        outcome = six_stages.run(workspace)
        print(f"a run of the six stages on 3,000 rows: {time.perf_counter() - started:.1f} s")
        print(f"{'':24} {'stages ms':>10} {'end ms':>10} {'CPU ms':>10}")
        _print("off", [_cost(workspace, outcome) for _ in range(_TIMES)])
        with _configured(folder) as written:
            _print("on, first of a process", [_cost(workspace, outcome)])
            _print("on, later ones", [_cost(workspace, outcome) for _ in range(_TIMES)])
            lines = written.read_text().splitlines()
        runs = _TIMES + 1
        print(f"{len(lines) / runs:.0f} events a run, {sum(map(len, lines)) / runs / 1000:.1f} kB")


def _print(what: str, costs: list[Cost]) -> None:
    middle = [statistics.median(values) * 1000 for values in zip(*costs, strict=True)]
    print(f"{what:24} " + " ".join(f"{value:10.2f}" for value in middle), flush=True)


def _cost(workspace: Workspace, outcome: Outcome) -> Cost:
    protocol = loading.load(loading.find(workspace, "tiny"))
    cpu, started = time.process_time(), time.perf_counter()
    telling = Telling(workspace, protocol, "attempt_1")
    telling.started()
    for stage, records in outcome_by_stage(outcome).items():
        telling.started(stage)
        telling.completed(stage, *records)
    telling.completed("", outcome.deployed)
    told = time.perf_counter()
    telling.close(60.0)
    return Cost(told - started, time.perf_counter() - told, time.process_time() - cpu)


def outcome_by_stage(outcome: Outcome) -> dict[str, tuple[object, ...]]:
    """What each stage took and made, as the pipeline tells it."""
    return {
        "ingest": (outcome.raw,),
        "snapshot": (outcome.raw, outcome.taken),
        "validate": (outcome.taken, outcome.data),
        "train": (outcome.data, outcome.model),
        "store": (outcome.model, outcome.stored),
        "deploy": (outcome.stored, outcome.deployed),
    }


@contextmanager
def _configured(folder: Path) -> Iterator[Path]:
    """OpenLineage's own file transport; gives the file."""
    path, config = folder / "events.jsonl", folder / "openlineage.yml"
    config.write_text(json.dumps({"transport": {"type": "file", "log_file_path": str(path), "append": True}}))
    os.environ["OPENLINEAGE_CONFIG"] = str(config)
    try:
        yield path
    finally:
        del os.environ["OPENLINEAGE_CONFIG"]
