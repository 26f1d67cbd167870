"""A project of the transactions, run as people run it, as often as asked for."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.bench.processes import ROWS, Figures
from tests.prefect_server import Server
from tests.tiny_project import ROOT, environment


def make_project(folder: Path) -> Path:
    """The fraud detector's project; its table is ``transactions.db`` beside it."""
    from pulse_blocks.cli.demo_data import Which, prepare
    from pulse_blocks.settings import load

    project = folder / "project"
    (project / "protocols").mkdir(parents=True)
    shutil.copy(ROOT / "protocols" / "fraud-detector.yaml", project / "protocols")
    shutil.copytree(ROOT / "flows", project / "flows")
    prepare(Which.transactions, load(project, environ={}), ROWS, 7)
    shutil.move(project / ".pulse" / "data" / "transactions.db", folder / "transactions.db")
    return project


def fresh(project: Path, home: Path, search: str = "") -> Path:
    """The project where nothing has run, its datasource the same file; ``search`` goes below ``training``."""
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


def run(home: Path, server: Server) -> Figures:
    """What ``pulse run`` says. Raises SystemExit where it fails."""
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
