"""A damaged file of every kind that a run leaves: found, named, never trained on or served."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pulse_blocks import bundle, settings, training
from pulse_blocks.errors import PulseError
from pulse_blocks.promotion.smoke import require_same_predictions
from pulse_blocks.protocol import loading
from pulse_blocks.snapshots.reading import load, load_profile, load_sample
from pulse_blocks.stores import Store, open_store
from pulse_blocks.validation import load_report
from tests import six_stages
from tests.six_stages import Outcome
from tests.tiny_project import make_project, write_parcels

FULL = os.environ.get("PULSE_FAULTS") == "full"
FLIPS = 50 if FULL else 5
Tell = Callable[[str, str, str], None]
pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Store]:
    """A run whose data have some broken rows, and its store."""
    folder = make_project(tmp_path_factory.mktemp("damage") / "project")
    write_parcels(folder / ".pulse" / "parcels.db", broken=0.005)
    workspace = settings.load(folder, environ={})
    return six_stages.run(workspace), open_store(workspace.store)


def readers(outcome: Outcome, store: Store) -> dict[str, Callable[[], object]]:
    """Who reads each kind of file in a run, at serving, or for drift; by the end of the file's key."""
    protocol = loading.loads((Path(store.uri).parent.parent / "protocols" / "tiny.yaml").read_text())
    stored, snapshot_id = outcome.stored, outcome.taken.id
    snapshot = load(store, snapshot_id)

    def fit() -> object:
        return training.fit(protocol, load(store, snapshot_id), outcome.data, store, None)

    def served() -> object:
        return bundle.load(store, stored.bundle, stored.bundle_sha256)

    return {
        "chunks/": fit,
        "quarantine.parquet": fit,
        "manifest.json": lambda: load(store, snapshot_id),
        "profile.json": lambda: load_profile(store, snapshot),
        "sample.parquet": lambda: load_sample(store, snapshot),
        "report.json": lambda: load_report(store, outcome.data),
        ".txt": served,
        "bundles/": served,
        "smoke.json": lambda: require_same_predictions(stored, store),
    }


def damages(good: bytes, foreign: bytes) -> Iterator[tuple[str, bytes | None]]:
    """The ways in which a file is not what it was."""
    chance = random.Random(7)  # noqa: S311 - places, no secrets
    for _ in range(FLIPS):
        bad = bytearray(good)
        bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
        yield "a flipped bit", bytes(bad)
    for _ in range(max(FLIPS // 5, 1)):
        yield "cut off", good[: chance.randrange(len(good))]
    yield "empty", b""
    yield "missing", None
    yield "of another store", foreign


@pytest.mark.timeout(900)
def test_every_kind_of_file(done: tuple[Outcome, Store], tmp_path: Path, tell: Tell) -> None:
    """Flipped, cut off, empty, missing, or another store's file: the reader refuses, and names the file."""
    outcome, store = done
    read = readers(outcome, store)
    # Nothing is decided by what is left out: the model's pictures are drawn from the one, people read the other.
    keys = [key for key in store.keys("") if not key.endswith((".curves.json", "report.html"))]
    other = next(key for key in keys if key.startswith("chunks/"))
    tried = 0
    for key in keys:
        (kind,) = (name for name in read if key.startswith(name) or key.endswith(name))
        path = Path(store.locate(key))
        good = path.read_bytes()
        foreign = store.get(other)[:-1] + b"x" if key == other else store.get(other)
        for how, bad in damages(good, foreign):
            path.unlink(missing_ok=True)
            if bad is not None:
                path.write_bytes(bad)
            with pytest.raises(PulseError) as caught:
                read[kind]()
            named = path.name if kind != "manifest.json" else outcome.taken.id
            assert named in caught.value.message, (how, key)
            tried += 1
        path.write_bytes(good)
        read[kind]()
    assert {kind for kind in read if any(key.startswith(kind) or key.endswith(kind) for key in keys)} == set(
        read
    )
    tell(
        "a damaged file of every kind that a run leaves",
        f"{tried} of {len(read)} kinds",
        "refused, the file named",
    )
