"""Bundles: written once, read only as they were written."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from pulse_blocks import bundle as bundles
from pulse_blocks.bundle import Bundle, RunFacts, SnapshotFacts
from pulse_blocks.errors import PulseError
from pulse_blocks.protocol import spec
from pulse_blocks.protocol.spec import FieldSpec, Protocol, SourceSpec, TargetSpec, TrainingSpec
from pulse_blocks.stores import Store, open_store

TEXT = b"tree\nversion=v4\n"
PROTOCOL = Protocol(
    pulse=1,
    name="late",
    version="1.0.0",
    task="binary-classification",
    source=SourceSpec(datasource="flights", query="select 1"),
    features={"z": FieldSpec(type="float"), "a": FieldSpec(type="category", values=("x", "y"))},
    target=TargetSpec(name="t", type="bool"),
    training=TrainingSpec(),
)


def make(model: str = "late@1.0.0-3fa94c1", created: str = "2026-01-15T02:05:00Z") -> Bundle:
    digest = hashlib.sha256(TEXT).hexdigest()
    return Bundle(
        model=model,
        name="late",
        protocol=msgspec.Raw(spec.to_json(PROTOCOL)),
        text=f"models/{digest}.txt",
        text_sha256=digest,
        trees="3fa94c1" + "0" * 57,
        run=RunFacts(
            id="run_5d0c8e1f2a3b",
            tracking_run="5d0c8e1f2a3b" + "0" * 20,
            started="2026-01-15T02:00:00Z",
            seconds=272.0,
            metrics={"accuracy": 0.98},
        ),
        snapshot=SnapshotFacts(
            id="snap_9f2c41ab77e0", hash="9f2c", datasource="flights", created="2026-01-15T01:59:45Z", rows=3
        ),
        created=created,
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store that holds the model's text."""
    store = open_store(str(tmp_path / "store"))
    store.put(make().text, TEXT)
    return store


def test_a_bundle_comes_back_as_it_was_written(store: Store) -> None:
    """Facts, protocol (with its order of features) and model text survive."""
    key, sha256 = bundles.write(store, make())
    loaded = bundles.load(store, key, sha256)
    assert key == "bundles/late/1.0.0-3fa94c1.json"
    assert loaded.bundle.run == make().run
    assert loaded.bundle.snapshot == make().snapshot
    assert loaded.protocol == PROTOCOL
    assert list(loaded.protocol.features) == ["z", "a"]
    assert loaded.protocol.digest == PROTOCOL.digest
    assert loaded.model_text == TEXT


def test_the_first_bundle_of_a_model_stays(store: Store) -> None:
    """Identical trees keep their id: a second write changes no byte and gives the first one's hash."""
    first = bundles.write(store, make())
    second = bundles.write(store, make(created="2027-01-01T00:00:00Z"))
    assert first == second
    assert bundles.load(store, *first).bundle.created == "2026-01-15T02:05:00Z"


def test_a_changed_bundle_is_refused(store: Store) -> None:
    """One changed byte in the JSON is an error that names the file."""
    key, sha256 = bundles.write(store, make())
    path = Path(store.locate(key))
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"0.98", b"0.99"))
    with pytest.raises(PulseError, match=r"1\.0\.0-3fa94c1\.json") as error:
        bundles.load(store, key, sha256)
    assert error.value.code == "bundle.corrupt"


def test_a_changed_model_is_refused(store: Store) -> None:
    """One changed byte in the model's text is an error that names the text."""
    key, sha256 = bundles.write(store, make())
    path = Path(store.locate(make().text))
    path.chmod(0o644)
    path.write_bytes(TEXT + b" ")
    with pytest.raises(PulseError, match=r"models/") as error:
        bundles.load(store, key, sha256)
    assert error.value.code == "bundle.corrupt"


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"format": 1, "model": 3}'])
def test_what_is_no_bundle_is_told(data: bytes) -> None:
    """Any other bytes are one clear error, whatever they are."""
    with pytest.raises(PulseError) as error:
        bundles.parse(data, "here.json")
    assert error.value.code == "bundle.corrupt"
    assert "here.json" in error.value.message


def test_a_newer_format_asks_for_an_upgrade() -> None:
    """A bundle of a later Pulse is not misread."""
    with pytest.raises(PulseError, match="format 2") as error:
        bundles.parse(b'{"format": 2, "protocol": "elsewhere"}', "here.json")
    assert error.value.code == "bundle.newer"


def test_bundles_are_found_by_the_beginning_of_their_id(store: Store) -> None:
    """A prefix finds all models that begin so, and none else."""
    for model in ("late@1.0.0-3fa94c1", "late@1.0.0-3fb0000", "late@2.0.0-3fa94c1"):
        bundles.write(store, make(model))
    assert [b.model for b in bundles.find(store, "late@1.0.0-3f")] == [
        "late@1.0.0-3fa94c1",
        "late@1.0.0-3fb0000",
    ]
    assert list(bundles.find(store, "other@")) == []
    assert len(list(bundles.find(store))) == 3


def test_reading_a_bundle_imports_no_model_library() -> None:
    """Lineage and runtime read bundles without LightGBM, MLflow, Prefect or a data frame library."""
    code = "import sys, pulse_blocks.bundle; print(*{name.split('.')[0] for name in sys.modules})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"lightgbm", "mlflow", "prefect", "pandas", "polars", "pyarrow", "numpy", "sqlalchemy"}
    assert not heavy & set(run.stdout.split())
