"""What the light commands cost: CPU seconds from start to end, the median of eleven calls.

Peers: the bare interpreter, and the command lines that Pulse stands beside.
"""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.lineage_world import World
from tests.tiny_project import PROTOCOL, environment

CALLS = 11
PEER_CALLS = 1


def main() -> None:
    """Print a line for each command, with the most that it may cost."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        inference = _prepare(folder)
        pulse = [str(Path(sys.executable).with_name("pulse"))]
        print(f"{'command':28} {'CPU s':>6}  {'at most':>7}")
        for words, limit in (
            (["--help"], 0.3),
            (["check", "protocols/tiny.yaml"], None),
            (["lineage", inference], 0.5),
        ):
            _print(f"pulse {words[0]}", cpu_seconds([*pulse, *words], folder, CALLS), limit)
        _print("python -c pass", cpu_seconds([sys.executable, "-c", "pass"], folder, CALLS))
        for peer in ("prefect", "mlflow"):
            command = [str(Path(sys.executable).with_name(peer)), "--help"]
            _print(f"{peer} --help", cpu_seconds(command, folder, PEER_CALLS))


def cpu_seconds(command: list[str], folder: Path, calls: int) -> float:
    """User and system time of a command, the median of some calls after a first that warms the disk."""
    return statistics.median([_once(command, folder) for _ in range(calls + 1)][1:])


def _once(command: list[str], folder: Path) -> float:
    process = subprocess.Popen(
        command, cwd=folder, env=environment(folder), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {said.decode()}")
    return used.ru_utime + used.ru_stime


def _prepare(folder: Path) -> str:
    """A workspace with a protocol and a model that has made an inference; returns the inference's id."""
    (folder / "protocols").mkdir()
    (folder / "protocols" / "tiny.yaml").write_text(PROTOCOL)
    world = World(folder)
    snapshot = world.snapshot()
    trained = world.train(snapshot)
    world.keep(trained, snapshot)
    return world.infer(trained.model, 1000)[500]


def _print(what: str, seconds: float, limit: float | None = None) -> None:
    verdict = "" if limit is None else f"  {limit:7.1f}  {'met' if seconds <= limit else 'MISSED'}"
    print(f"{what:28} {seconds:6.3f}{verdict}", flush=True)
