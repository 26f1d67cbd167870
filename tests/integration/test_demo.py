"""The main job: `pulse demo`, and then `pulse up` in the project that it has made."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.tiny_project import ROOT, environment, pulse

pytestmark = pytest.mark.xdist_group("demo")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this repository's own project, where nothing has run yet."""
    folder = tmp_path_factory.mktemp("demo") / "project"
    folder.mkdir()
    for name in ("flows", "protocols", "deployments"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "prefect.yaml", folder)
    return folder


@pytest.fixture(scope="module")
def told(home: Path) -> str:
    """What `pulse demo` says, in an environment where no Prefect is configured."""
    done = pulse(home, "demo", timeout=280, **nothing_configured(home))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def nothing_configured(home: Path) -> dict[str, str]:
    """An environment without a Prefect profile of the person who runs the tests."""
    assert "PREFECT_API_URL" not in os.environ
    return {"PREFECT_PROFILES_PATH": str(home / "no-profiles.toml")}


def processes_of(home: Path) -> list[str]:
    """Command lines of processes that work in this project."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            env = (folder / "environ").read_bytes()
            line = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if str(home).encode() in env and int(folder.name) != os.getpid():
            found.append(line.replace(b"\0", b" ").decode())
    return found


def test_the_demo_ends_with_the_lineage_of_its_own_prediction(told: str) -> None:
    """Six stages, a prediction over HTTP, and the tree of that very prediction."""
    inference = re.search(r'"inference_id":"(inference_[0-9a-z]{26})"', told)
    assert inference
    assert f"Inference: {inference[1]}\n├── Model: flight-delay@" in told
    assert "└── Output Hash: sha256:" in told
    auc = re.search(r"roc_auc: (0\.\d{4})", told)
    assert auc
    assert 0.70 < float(auc[1]) < 0.76


def test_the_loop_closes_by_itself(told: str) -> None:
    """Summer drifts, the automation retrains for that check, and the new champion is better on July's last days."""
    assert re.search(r"flights: drifted$", told, re.MULTILINE)
    cause = re.search(r"with cause (drift_[0-9a-z]{26})", told)
    assert cause
    auc = re.search(r"ROC AUC before: (0\.\d{4}), after: (0\.\d{4})", told)
    assert auc
    assert float(auc[2]) > float(auc[1])
    models = re.findall(r"Model: (flight-delay@\S+)", told)
    assert len(set(models)) == 2
    assert f"Drift Check: {cause[1]}" in told


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc to look for processes")
def test_nothing_is_left_running(told: str, home: Path) -> None:
    """Once the demo has ended, no process of it is there."""
    assert processes_of(home) == []


def test_what_the_demo_made_can_be_gone_on_with(told: str, home: Path) -> None:
    """The commands that it names at the end work: lineage of the snapshot, verify, check."""
    snapshot = re.search(r"pulse lineage (snap_[0-9a-f]{12})", told)
    assert snapshot
    assert "Model: flight-delay@" in pulse(home, "lineage", snapshot[1]).stdout
    assert pulse(home, "snapshot", "verify").returncode == 0
    assert pulse(home, "check", "protocols/flight-delay.yaml").returncode == 0


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc to look for processes")
def test_up_starts_everything_and_stops_everything(told: str, home: Path) -> None:
    """Each address that `pulse up` names answers once it has said that all is ready; SIGTERM stops all of it."""
    env = environment(home, **nothing_configured(home))
    with socket.socket() as taken:  # 4200 may be in use: then another port is chosen and told
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 4200))
            taken.listen()
        except OSError:
            pass
        process = subprocess.Popen(
            [sys.executable, "-m", "pulse_blocks", "up"], cwd=home, env=env, stderr=subprocess.PIPE, text=True
        )
        try:
            said = read_until(process, "ctrl-C stops everything.", 150)
            addresses = dict(re.findall(r"^(Prefect|MLflow|Worker|Runtime) +(http\S+)$", said, re.MULTILINE))
            assert set(addresses) == {"Prefect", "MLflow", "Worker", "Runtime"}
            assert ":4200" not in addresses["Prefect"]
            for address in addresses.values():
                page = urllib.request.Request(address, headers={"Accept": "text/html"})
                with urllib.request.urlopen(page, timeout=10) as reply:
                    assert reply.status == 200
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
    assert processes_of(home) == []


def test_up_tells_a_port_that_is_taken(home: Path) -> None:
    """A port that was asked for and is taken: one clear line, exit code 1, nothing started."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = pulse(home, "up", "--prefect-port", str(port), **nothing_configured(home))
    assert done.returncode == 1
    assert f"Port {port} for the Prefect server is taken" in done.stderr
    assert "Traceback" not in done.stderr


def read_until(process: subprocess.Popen[str], end: str, seconds: float) -> str:
    """What the process writes to standard error, up to a line."""
    assert process.stderr
    lines: list[str] = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        line = process.stderr.readline()
        if not line:
            break
        lines.append(line)
        if line.strip() == end:
            return "".join(lines)
    raise AssertionError("".join(lines))
