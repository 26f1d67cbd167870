"""The six stages with Prefect: all but LightGBM's own fitting, beside reading and binning the data alone.

Then a search of 20 trials beside the time of its trials. One run of each; a Prefect server is there already.
"""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.processes import ROWS, Figures, judged, load_average
from tests.bench.training_ways import once
from tests.prefect_server import Server, running_server
from tests.tiny_project import ROOT, environment

TRIALS = 20
_RANGES = "learning_rate: {low: 0.05, high: 0.3}"
_SEARCH = f"  search: {{ranges: {{{_RANGES}}}, trials: {TRIALS}, parallel: 1, prune: false}}\n"


def main() -> None:
    """Print both ratios."""
    from pulse_blocks.cli.demo_data import Which, prepare
    from pulse_blocks.settings import load

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        project = folder / "project"
        (project / "protocols").mkdir(parents=True)
        shutil.copy(ROOT / "protocols" / "fraud-detector.yaml", project / "protocols")
        shutil.copytree(ROOT / "flows", project / "flows")
        prepare(Which.transactions, load(project, environ={}), ROWS, 7)
        shutil.move(project / ".pulse" / "data" / "transactions.db", folder / "transactions.db")
        once("make", folder)
        with running_server(folder) as server:
            plain = _stages(project, folder, server)
            _search(project, folder, server, plain)


def _stages(project: Path, folder: Path, server: Server) -> Figures:
    alone, fit = once("read-and-bin", folder), once("threads:2", folder)
    plain = _run(_fresh(project, folder / "plain", ""), server)
    whole = sum(plain["seconds"].values())
    # What the fit takes beyond its rounds is reading and binning, which the pipeline has to do as well.
    rest = whole - fit["rounds_seconds"]
    stages = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in plain["seconds"].items())
    print(f"{ROWS:,} rows, load average {load_average()}; stages in seconds: {stages}")
    print(
        f"  {whole:.1f} s, of which LightGBM's rounds {fit['rounds_seconds']:.1f} s (measured by themselves)"
    )
    print(f"  reading and binning alone {alone['seconds']:.1f} s")
    judged("the rest, times reading and binning", rest / alone["seconds"], "", 1.5)
    return plain


def _search(project: Path, folder: Path, server: Server, plain: Figures) -> None:
    home = _fresh(project, folder / "searched", _SEARCH)
    searched = _run(home, server)
    trials = _trial_seconds(home)
    over = searched["seconds"]["train"] - plain["seconds"]["train"] - sum(trials)
    print(f"  a search of {len(trials)} trials: {sum(trials):.1f} s of trials, {over:.1f} s more")
    judged("of the trials' time is overhead", 100 * over / sum(trials), "%", 10)


def _fresh(project: Path, home: Path, search: str) -> Path:
    """The project where nothing has run, its datasource the same file."""
    for name in ("protocols", "flows"):
        shutil.copytree(project / name, home / name)
    file = home / "protocols" / "fraud-detector.yaml"
    text = file.read_text()
    if search:
        text = text.replace("params: {num_leaves: 63, learning_rate: 0.1}", "params: {num_leaves: 63}")
        text = text.replace("  rounds: 100\n", f"  rounds: 100\n{search}")
    file.write_text(text)
    (home / ".pulse").mkdir()
    (home / ".pulse" / "workspace.toml").write_text(
        f'[datasources.transactions]\nurl = "sqlite:///{home.parent}/transactions.db"\n'
    )
    return home


def _run(home: Path, server: Server) -> Figures:
    done = subprocess.run(
        [sys.executable, "-m", "pulse_blocks", "run", "fraud-detector", "--json"],
        cwd=home,
        env=environment(home, **server.env),
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
