"""Training on the transactions: memory, time, distribution, search and progress, beside pandas and Arrow.

``BENCH_ROWS`` and ``BENCH_RUNS`` make it smaller. Every way runs in a process of its own, in turn.
"""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.training_once import ROWS
from tests.tiny_project import ROOT, environment

RUNS = int(os.environ.get("BENCH_RUNS", "3"))
TRIALS = 20


def main() -> None:
    """Print a table for each question."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        once("make", folder)
        print(f"{ROWS:,} rows x 30 columns, medians of {RUNS} runs in turn")
        _memory(folder)
        _workers(folder)
        _progress(folder)
        _pipeline(folder)


def _memory(folder: Path) -> None:
    ways = ("ours", "pandas", "arrow", "not-deterministic")
    found = in_turn(ways, folder)
    print("\nTo a trained model, from the same chunks:")
    for way in ways:
        print(f"  {way:<18} {_of(found[way], 'seconds'):7.1f} s {_of(found[way], 'peak_mb'):7.0f} MB")
    for other, most in (("pandas", 0.35), ("arrow", 0.6)):
        memory = _of(found["ours"], "peak_mb") / _of(found[other], "peak_mb")
        seconds = _of(found["ours"], "seconds") / _of(found[other], "seconds")
        same = found["ours"][0]["trees"] == found[other][0]["trees"]
        print(
            f"  against {other}: memory {memory:.2f} (at most {most}), time {seconds:.2f}, same trees: {same}"
        )
    cost = _of(found["ours"], "seconds") / _of(found["not-deterministic"], "seconds")
    print(f"  deterministic costs {cost:.2f} times the time without")


def _workers(folder: Path) -> None:
    ways = ("threads:2", "dask:2", "threads:1", "dask:4")
    found = in_turn(ways, folder)
    base = _of(found["threads:2"], "seconds")
    print("\nOn Dask, one thread a worker, the cluster's start apart (network: all that loopback carried):")
    for way in ways:
        one = found[way]
        network = f"{_of(one, 'network_mb'):7.1f} MB" if "network_mb" in one[0] else ""
        ratio = _of(one, "seconds") / base
        print(
            f"  {way:<10} {_of(one, 'seconds'):7.1f} s, {ratio:.2f} of two threads, auc {one[0]['auc']:.5f} {network}"
        )
    print(f"  dask:2 grew the same trees each time: {len({one['trees'] for one in found['dask:2']}) == 1}")


def _progress(folder: Path) -> None:
    share = _of(in_turn(("told",), folder)["told"], "share")
    print(f"\nThe callback of each round (bar, metrics to MLflow): {share:.2%} of the fit (at most 1 %)")


def _pipeline(folder: Path) -> None:
    """The stages without LightGBM's rounds beside reading and binning; then a search beside its trials."""
    from pulse_blocks.cli.demo_data import Which, prepare
    from pulse_blocks.settings import load
    from tests.prefect_server import running_server

    project = folder / "project"
    (project / "protocols").mkdir(parents=True)
    shutil.copy(ROOT / "protocols" / "fraud-detector.yaml", project / "protocols")
    shutil.copytree(ROOT / "flows", project / "flows")
    prepare(Which.transactions, load(project, environ={}), ROWS, 7)
    shutil.copy(project / ".pulse" / "data" / "transactions.db", folder / "transactions.db")
    alone = _of(in_turn(("read-and-bin",), folder)["read-and-bin"], "seconds")
    with running_server(folder) as server:
        plain = _run(_fresh(project, folder / "plain", ""), server.env)
        grown = sum(seconds for stage, seconds in plain["seconds"].items() if stage != "fit")
        fit = _of(in_turn(("threads:2",), folder)["threads:2"], "seconds")
        print("\nThe six stages, with Prefect:")
        print(f"  {grown:.1f} s, of which LightGBM's reading, binning and rounds {fit:.1f} s")
        print(
            f"  the rest is {(grown - fit) / alone:.2f} times reading and binning alone ({alone:.1f} s; at most 1.5)"
        )
        ranges = "learning_rate: {low: 0.05, high: 0.3}"
        search = f"  search: {{ranges: {{{ranges}}}, trials: {TRIALS}, parallel: 1, prune: false}}\n"
        home = _fresh(project, folder / "searched", search)
        searched = _run(home, server.env)
        trials = _trial_seconds(home)
        over = searched["seconds"]["train"] - plain["seconds"]["train"] - sum(trials)
        print(f"  a search of {len(trials)} trials: {sum(trials):.1f} s of trials, {over:.1f} s more:")
        print(f"  overhead {over / sum(trials):.1%} (at most 10 %)")


def _fresh(project: Path, home: Path, search: str) -> Path:
    """The project where nothing has run, with other training."""
    for name in ("protocols", "flows"):
        shutil.copytree(project / name, home / name)
    file = home / "protocols" / "fraud-detector.yaml"
    text = file.read_text()
    if search:
        text = text.replace("params: {num_leaves: 63, learning_rate: 0.1}", "params: {num_leaves: 63}")
        text = text.replace("  rounds: 100\n", f"  rounds: 100\n{search}")
    file.write_text(text)
    (home / ".pulse").mkdir()
    source = project / ".pulse" / "data" / "transactions.db"
    (home / ".pulse" / "workspace.toml").write_text(
        f'[datasources.transactions]\nurl = "sqlite:///{source}"\n'
    )
    return home


def _run(home: Path, env: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "pulse_blocks", "run", "fraud-detector", "--json"],
        cwd=home,
        env=environment(home, **env),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return dict(json.loads(done.stdout))


def _trial_seconds(home: Path) -> list[float]:
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{home}/.pulse/mlflow.db")
    experiment = client.get_experiment_by_name("fraud-detector")
    runs = client.search_runs([experiment.experiment_id], "tags.`pulse.trial` != ''")
    return [run.data.metrics["seconds"] for run in runs]


def in_turn(ways: tuple[str, ...], folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Each way as often as ``RUNS`` says, one after the other."""
    found: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
    for _ in range(RUNS):
        for way in ways:
            found[way].append(once(way, folder))
    return found


def once(way: str, folder: Path) -> dict[str, Any]:
    """One way in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.training_once", way, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{way} failed: {done.stderr}")
    lines = done.stdout.splitlines()
    return dict(json.loads(lines[-1])) if lines else {}


def _of(runs: list[dict[str, Any]], name: str) -> float:
    return statistics.median(run[name] for run in runs)
