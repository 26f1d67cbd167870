"""A search of 20 trials: what Pulse, Prefect and MLflow add to the time of its trials.

One run; a Prefect server is there already. ``BENCH_ROWS`` makes it smaller.
"""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path

from tests.bench.processes import ROWS, judged, load_average
from tests.bench.transactions_project import fresh, make_project, run
from tests.prefect_server import Server, running_server

TRIALS = 20
_RANGES = "learning_rate: {low: 0.05, high: 0.3}"
_SEARCH = f"  search: {{ranges: {{{_RANGES}}}, trials: {TRIALS}, parallel: 1, prune: false}}\n"


def main() -> None:
    """Print the seconds of the trials, and what comes on top."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        project = make_project(folder)
        home = fresh(project, folder / "searched", _SEARCH)
        with running_server(folder) as server:
            run(home, server)
            span = _span(server)
        trials = _trial_seconds(home)
    over = span - sum(trials)
    print(f"{ROWS:,} rows, {len(trials)} trials one after the other, load average {load_average()}")
    print(
        f"  {span:.1f} s from the first task's start to the last one's end, {sum(trials):.1f} s of them trials"
    )
    judged("of the trials' time is overhead", 100 * over / sum(trials), "%", 10)


def _span(server: Server) -> float:
    """Seconds from the start of the first trial's task to the end of the last one's."""
    found = server.post("/task_runs/filter", {"task_runs": {"name": {"like_": "trial-"}}, "limit": 200})
    times = [[dt.datetime.fromisoformat(one[name]) for name in ("start_time", "end_time")] for one in found]
    return (max(end for _, end in times) - min(start for start, _ in times)).total_seconds()


def _trial_seconds(home: Path) -> list[float]:
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{home}/.pulse/mlflow.db")
    experiment = client.get_experiment_by_name("fraud-detector")
    runs = client.search_runs([experiment.experiment_id], "tags.`pulse.trial` != ''")
    return [run.data.metrics["seconds"] for run in runs]
