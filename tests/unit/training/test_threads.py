"""How many threads training gets."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pulse_blocks.cores import quota
from pulse_blocks.training.threads import available_threads
from tests import small_data


@pytest.mark.parametrize(
    ("cpu_max", "cores"),
    [("max 100000", None), ("200000 100000", 2), ("150000 100000", 2), ("10000 100000", 1)],
)
def test_quota_of_a_container(cpu_max: str, cores: int | None) -> None:
    """A container's share of the cores, rounded up, at least one; no limit is none."""
    assert quota(cpu_max) == cores


def test_protocol_asks_for_fewer() -> None:
    """The protocol can lower the number of threads, not raise it above what is there."""
    most = available_threads(small_data.protocol())
    for asked, given in ((1, 1), (4096, most)):
        contract = small_data.protocol(training={"resources": {"cpu": asked}})
        assert available_threads(contract) == given


@pytest.mark.parametrize("module", ["training", "training.checkpoints", "training.process.child"])
def test_waiting_is_settled_before_lightgbm(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However training is imported, OpenMP knows how its threads wait when LightGBM or scikit-learn loads it."""
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    code = f"""
import importlib.abc, os, sys

class Settled(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        assert name not in ("lightgbm", "sklearn") or os.environ["OMP_WAIT_POLICY"] == "passive"

sys.meta_path.insert(0, Settled())
import pulse_blocks.{module}
assert os.environ["OMP_WAIT_POLICY"] == "passive"
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_the_packages_is_light() -> None:
    """It loads neither LightGBM nor scikit-learn, nor what else takes seconds."""
    code = (
        "import sys, pulse_blocks.training, pulse_blocks.validation, pulse_blocks.tracking\n"
        "heavy = {'lightgbm', 'sklearn', 'pandas', 'polars', 'pandera', 'mlflow', 'pyarrow', 'matplotlib'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
