"""From drifted data at the runtime to the retrain's flow run RUNNING, through two events and two automations."""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from pulse_blocks.ledger import open_ledger
from tests import loop_project, six_stages
from tests.bench.ratios import against
from tests.drifting_models import AFTER, MONITORING, WEEK, ask, dated, heavier, rows
from tests.prefect_server import running_server
from tests.running_loop import Loop, running_loop
from tests.served_models import runtime
from tests.waiting import until

NAME = "ferry"
RUNS = int(os.environ.get("BENCH_RUNS", "3"))


def table(folder: Path) -> None:
    """With a worker that is started in the project's folder, with the one of `pulse up`, and with one from elsewhere.

    The first two ask for work every second, the last as Prefect has it: every ten.
    """
    print("| worker | suspected | check runs | check done | retrain runs |\n|:--|--:|--:|--:|--:|")
    found: dict[str, list[float]] = {"default": [], "pulse up": [], "elsewhere": []}
    for number in range(RUNS):
        for kind, times in found.items():
            steps = _once(folder / f"latency-{number}-{kind.replace(' ', '-')}", kind)
            times.append(steps[-1])
            print(f"| {kind} | " + " | ".join(f"{step:.1f} s" for step in steps) + " |", flush=True)
    print()
    for kind, times in found.items():
        middle, most = statistics.median(times), max(times)
        print(against(f"{kind}: median of {len(times)}", middle, 15, " s") + f"; the slowest {most:.1f} s")


def _once(folder: Path, kind: str) -> list[float]:
    """Seconds from the last drifted week's arrival to each step; a server and a project of its own."""
    folder.mkdir()
    project = loop_project.make(folder / "project")
    loop_project.add(project, NAME, MONITORING.replace("METHOD", "wasserstein"))
    with running_server(folder / "server") as server, running_loop(server, project) as loop:
        six_stages.run(loop.workspace, NAME)
        ask(loop.workspace, rows(400, weight=heavier), AFTER, name=NAME)
        started_in = {"default": Path(loop.workspace.root), "elsewhere": folder}.get(kind)
        worker = _default_worker(loop, started_in) if started_in else None
        try:
            with runtime(loop.workspace, NAME) as (url, _):
                return _measured(loop, url)
        finally:
            if worker:
                worker.terminate()
                worker.wait()


def _default_worker(loop: Loop, folder: Path) -> subprocess.Popen[bytes]:
    """`prefect worker start --pool pulse` and nothing else, in place of the loop's own."""
    loop.stop()
    prefect = shutil.which("prefect", path=str(Path(sys.executable).parent)) or "prefect"
    log = Path(loop.workspace.root) / "default-worker.log"
    path = os.pathsep.join(filter(None, [loop.workspace.root, os.environ.get("PYTHONPATH")]))
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [prefect, "worker", "start", "--pool", "pulse"], cwd=folder,
            env=os.environ | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}, stdout=output, stderr=output,
        )  # fmt: skip
    assert until(lambda: b"started" in log.read_bytes(), 60, 0.1), log.read_text()
    return worker


def _measured(loop: Loop, url: str) -> list[float]:
    body = json.dumps({"instances": dated(rows(400, seed=8, weight=heavier), AFTER + WEEK)}).encode()
    request = urllib.request.Request(f"{url}/predict/{NAME}", body, {"Content-Type": "application/json"})
    began = time.time()
    with urllib.request.urlopen(request, timeout=30) as reply:
        assert reply.status == 200
    # A run's start is when it entered RUNNING, by the server's clock, which is this machine's.
    assert until(lambda: bool(_started(loop, "train")), 180, 0.2), loop.runs("drift", [NAME])
    (look,) = _started(loop, "drift")
    (train,) = _started(loop, "train")
    with open_ledger(loop.workspace.ledger) as ledger:
        (check,) = ledger.drift_checks(NAME)
        told = ledger._database.read("select at from outbox where event = 'pulse.drift.suspected'")
    loop.settled("train", 1, of=[NAME])
    times = [told[0][0] / 1e6, _time(look["start_time"]), check.at / 1e6, _time(train["start_time"])]
    return [time - began for time in times]


def _started(loop: Loop, flow: str) -> list[dict[str, Any]]:
    return [run for run in loop.runs(flow, [NAME]) if run["start_time"]]


def _time(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()
