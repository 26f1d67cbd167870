"""What an import may cost: the command line and the runtime start without the heavy SDKs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lineage_world import World

HEAVY = {
    "alembic",
    "evidently",
    "httpx",
    "lightgbm",
    "matplotlib",
    "mlflow",
    "pandas",
    "pandera",
    "polars",
    "prefect",
    "pyarrow",
    "s3fs",
    "scipy",
    "sklearn",
    "sqlalchemy",
    "starlette",
    "uvicorn",
}
LIGHT = [
    "pulse_blocks",
    "pulse_blocks.bundle",
    "pulse_blocks.cli.main",
    "pulse_blocks.ids",
    "pulse_blocks.ledger",
    "pulse_blocks.lineage",
    "pulse_blocks.promotion",
    "pulse_blocks.protocol.loading",
    "pulse_blocks.records",
    "pulse_blocks.settings",
    "pulse_blocks.stores",
]
_TELL = "import json, sys; print('MODULES ' + json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"


def imported_by(code: str, folder: Path) -> set[str]:
    """The top-level modules that a fresh interpreter holds after running ``code``."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{_TELL}"], cwd=folder, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.rpartition("MODULES ")[2]))


@pytest.mark.parametrize("module", LIGHT)
def test_light_modules_import_nothing_heavy(module: str, tmp_path: Path) -> None:
    """Each of these is on the way of the command line or the runtime."""
    assert not imported_by(f"import {module}", tmp_path) & HEAVY


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["check", "nothing.yaml"],
        ["datasource", "list"],
        ["predict", "--help"],
        ["lineage", "inference_01"],
        ["snapshot", "--help"],
        ["status"],
        ["doctor"],
        ["audit", "--help"],
        ["init", "somewhere"],
    ],
    ids=" ".join,
)
def test_light_commands_import_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    """Help, check and lineage must not wait for an SDK that they do not need; rich draws no plain output."""
    code = f"from pulse_blocks.cli.main import run\nrun({arguments!r})"
    assert not imported_by(code, tmp_path) & (HEAVY | {"rich"})


def test_a_whole_trace_imports_nothing_heavy(tmp_path: Path) -> None:
    """From the inference to its manifest: reading one must not pull in what reads its chunks."""
    world = World(tmp_path)
    snapshot = world.snapshot()
    trained = world.train(snapshot)
    world.keep(trained, snapshot)
    for asked in (*world.infer(trained.model), trained.model, trained.run, snapshot.id):
        code = f"from pulse_blocks.cli.main import run\nassert run(['lineage', {asked!r}]) == 0"
        assert not imported_by(code, tmp_path) & (HEAVY | {"rich"})


def test_the_public_names_load_on_first_use(tmp_path: Path) -> None:
    """``pulse_blocks.Protocol`` and its like must be there, and ``import pulse_blocks`` must not fetch them."""
    code = (
        "import sys, pulse_blocks\n"
        "assert 'msgspec' not in sys.modules\n"
        "assert all(getattr(pulse_blocks, name) for name in pulse_blocks.__all__)"
    )
    assert "msgspec" in imported_by(code, tmp_path)
