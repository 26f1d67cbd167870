"""From a Parquet file to a verified snapshot, beside writing the file and ``dvc add`` and ``dvc commit``.

Three runs in turn, medians: once with DVC's own Python interface, so that neither side pays for imports, and once as
commands.
"""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from tests.bench.peer_environments import python
from tests.bench.processes import ROWS, RUNS, judged, load_average, measured, median
from tests.bench.transactions_file import write_file


def main() -> None:
    """Print the table."""
    dvc = python("dvc")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        file = folder / "transactions.parquet"
        write_file(file, ROWS)
        writing, theirs, commands, ours = [], [], [], []
        for run in range(RUNS):
            copy = folder / f"copy{run}.parquet"
            writing.append(measured("tests.bench.peers.pandas_file", file, copy))
            versions = measured("tests.bench.peers.dvc_versions", folder / f"dvc{run}", copy, python=dvc)
            theirs.append(versions["versions"][0])
            commands.append(_commands(dvc, folder / f"commands{run}", copy))
            ours.append(measured("tests.bench.snapshot_once", file, folder / f"store{run}"))
    write, add, commit = median(writing, "seconds"), median(theirs, "add"), median(theirs, "commit")
    print(f"{ROWS:,} rows from a Parquet file, medians of {RUNS} runs in turn, load average {load_average()}")
    print(f"  to_parquet {write:.2f} s, dvc add {add:.2f} s, dvc commit {commit:.2f} s")
    steps = ", ".join(f"{step} {median(ours, step):.2f} s" for step in ("ingest", "commit"))
    seconds, peak = median(ours, "seconds"), median(ours, "peak_mb")
    print(f"  Pulse {seconds:.2f} s ({steps}), {median(ours, 'cpu'):.1f} s of CPU, {peak:.0f} MB peak")
    judged("times as fast as writing, add and commit", (write + add + commit) / seconds, "", 2, least=True)
    print(f"  {'times as fast as add and commit alone':44} {(add + commit) / seconds:8,.2f}")
    whole, whole_dvc = median(ours, "process"), median(commands, "add") + median(commands, "commit")
    print(f"  as commands, imports counted: dvc add and dvc commit {whole_dvc:.2f} s, Pulse {whole:.2f} s")
    print(f"  {'times as fast as writing and both commands':44} {(write + whole_dvc) / whole:8,.2f}")


def _commands(dvc: Path, folder: Path, file: Path) -> dict[str, float]:
    """Seconds of the commands as people type them."""
    folder.mkdir()
    shutil.copyfile(file, folder / "data.parquet")
    found = {}
    for name, arguments in (
        ("init", ["init", "--no-scm"]),
        ("add", ["add", "data.parquet"]),
        ("commit", ["commit", "-f", "data.parquet.dvc"]),
    ):
        started = time.perf_counter()
        subprocess.run(
            [str(dvc), "-m", "dvc", "-q", *arguments],
            cwd=folder,
            check=True,
            env={**os.environ, "DVC_NO_ANALYTICS": "1", "PYTHONDONTWRITEBYTECODE": ""},
        )
        found[name] = time.perf_counter() - started
    return found
