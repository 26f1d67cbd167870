"""Machine code for trees: LightGBM's bits or LightGBM itself, and nothing that was not made here."""

from __future__ import annotations

import contextlib
import math
import time
from pathlib import Path

import httpx
import msgspec
import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.serving.compiled.objects import Objects
from pulse_blocks.serving.compiled.predictor import CompiledPredictor, _pools, require_parity
from pulse_blocks.serving.model import Model
from pulse_blocks.settings import Workspace
from tests.required import need
from tests.served_models import RECORD, protocol, records, runtime, train_and_promote
from tests.waiting import until

from .conftest import load

KEY = b"k" * 64


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Objects:
    """A folder for compiled models."""
    import importlib.util

    need(importlib.util.find_spec("lleaves") is not None, "the extra compiled is not installed")
    return Objects(tmp_path_factory.mktemp("compiled"), KEY)


def compiled(objects: Objects, model: Model) -> CompiledPredictor:
    """A model's trees as machine code."""
    code = objects.ensure(model.text)
    return CompiledPredictor(code, model.text, model.encoder.columns, model.predictor.outputs)


@pytest.mark.parametrize("task", ["binary-classification", "multiclass-classification", "regression"])
def test_the_bits_are_lightgbms(objects: Objects, workspace: Workspace, task: str) -> None:
    """For every row, missing values and thresholds themselves among them; one row or many at a time."""
    model = load(workspace, protocol(task=task))
    rows = msgspec.convert(records(500, seed=3), list[model.record])  # type: ignore[name-defined]
    plain = model.values(rows)
    code = compiled(objects, model)
    require_parity(code, model.predictor, model.text, model.encoder.columns)
    assert code.predict(model.encoder.matrix(rows), len(rows)) == plain
    assert code.predict(model.encoder.matrix(rows[:1]), 1) == plain[: code.outputs]


def test_categories_are_tried_as_what_they_are(workspace: Workspace) -> None:
    """Whole numbers or nothing: on what is between two categories machine code and LightGBM need not agree."""
    model = load(workspace, protocol())
    kinds = [field.type for field in model.protocol.features.values()]
    pools = _pools(model.text, len(kinds))
    for kind, pool in zip(kinds, pools, strict=True):
        if kind in {"category", "float"}:
            whole = all(math.isnan(value) or value.is_integer() for value in pool)
            assert whole == (kind == "category")


def test_other_bits_are_refused(objects: Objects, workspace: Workspace) -> None:
    """Code of another model does not pass for this one."""
    one, other = load(workspace, protocol()), load(workspace, protocol(version="1.0.1"), seed=2)
    with pytest.raises(PulseError, match="other values"):
        require_parity(compiled(objects, other), one.predictor, one.text, one.encoder.columns)


def test_an_objective_that_is_not_known_is_refused(objects: Objects, workspace: Workspace) -> None:
    """Rather LightGBM than a guess at what its scores mean."""
    model = load(workspace, protocol())
    code = objects.ensure(model.text)
    text = model.text.replace(b"objective=binary sigmoid:1", b"objective=lambdarank")
    with pytest.raises(PulseError, match="lambdarank"):
        CompiledPredictor(code, text, model.encoder.columns, 1)


def test_code_that_was_changed_is_not_run(objects: Objects, workspace: Workspace, tmp_path: Path) -> None:
    """Nor that of another key, nor that of another text under this one's name: it is made anew."""
    model = load(workspace, protocol())
    made = Objects(tmp_path, KEY)
    made.ensure(model.text)
    (path,) = tmp_path.glob("*.o")
    assert made.find(model.text)
    assert Objects(tmp_path, b"x" * 64).find(model.text) is None
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert made.find(model.text) is None
    assert made.find(model.text + b" ") is None


def test_the_runtime_changes_over(objects: Objects, workspace: Workspace) -> None:
    """Replies are the same before and after; the code is there for the next start."""
    train_and_promote(workspace)
    folder = workspace.folder / "compiled"
    for _ in range(2):
        with runtime(workspace, "parcels", compiled=True) as (url, _process):
            before = httpx.post(f"{url}/predict/parcels", json=RECORD).json()["probability"]
            deadline = time.monotonic() + 60
            while not list(folder.glob("*.o")):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            time.sleep(0.5)
            body = {"instances": [RECORD, {**RECORD, "weight": 1.5}]}
            after = httpx.post(f"{url}/predict/parcels", json=body).json()["predictions"]
            assert after[0]["probability"] == before


def test_workers_compile_a_model_once(objects: Objects, workspace: Workspace) -> None:
    """Several begin together: one compiles, and those that waited for it use what it made."""
    train_and_promote(workspace)
    folder = workspace.folder / "compiled"
    builds: set[str] = set()
    with runtime(workspace, "parcels", compiled=True, workers=2) as (url, _process):
        assert until(lambda: builds.update(running_builds(folder)) or bool(list(folder.glob("*.o"))), 120)
        (lock,) = folder.glob("*.lock")
        looks = 0
        while looks < 10:
            # One that waited for it is neither in wait nor has it for a moment.
            looks = 0 if is_wanted(lock) else looks + 1
            builds.update(running_builds(folder))
            time.sleep(0.02)
        assert httpx.post(f"{url}/predict/parcels", json=RECORD).status_code == 200
    assert len(builds) == 1


def running_builds(folder: Path) -> set[str]:
    """The pids of compilers that work in a folder."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            command = path.read_bytes()
            if b"serving.compiled.build" in command and bytes(folder) in command:
                found.add(path.parent.name)
    return found


def is_wanted(lock: Path) -> bool:
    """Whether a process has a file's lock or waits for it."""
    return f":{lock.stat().st_ino} " in Path("/proc/locks").read_text()
