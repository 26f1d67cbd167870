"""The six stages with Prefect: all but LightGBM's own fitting, beside reading and binning the data alone.

One run; a Prefect server is there already.
"""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import tempfile
from pathlib import Path

from tests.bench.processes import ROWS, judged, load_average
from tests.bench.training_ways import once
from tests.bench.transactions_project import fresh, make_project, run
from tests.prefect_server import running_server


def main() -> None:
    """Print the seconds of each stage, and the ratio."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        project = make_project(folder)
        once("make", folder)
        alone, fit = once("read-and-bin", folder), once("threads:2", folder)
        with running_server(folder) as server:
            seconds = run(fresh(project, folder / "plain"), server)["seconds"]
    whole = sum(seconds.values())
    # What the fit takes beyond its rounds is reading and binning, which the pipeline has to do as well.
    rest = whole - fit["rounds_seconds"]
    stages = ", ".join(f"{stage} {took:.1f}" for stage, took in seconds.items())
    print(f"{ROWS:,} rows, load average {load_average()}; stages in seconds: {stages}")
    print(
        f"  {whole:.1f} s, of which LightGBM's rounds {fit['rounds_seconds']:.1f} s (measured by themselves)"
    )
    print(f"  reading and binning alone {alone['seconds']:.1f} s ({alone['cpu']:.1f} of CPU)")
    judged("the rest, times reading and binning", rest / alone["seconds"], "", 1.5)
