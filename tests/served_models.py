"""Small models, really trained, promoted into a workspace; and the runtime as a process of its own."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import lightgbm as lgb
import msgspec
import numpy as np

from pulse_blocks import bundle as bundles
from pulse_blocks.bundle import Bundle, RunFacts, SnapshotFacts
from pulse_blocks.bundle.signing import sign, signing_key
from pulse_blocks.ids import model_id
from pulse_blocks.ledger import migrate, open_ledger
from pulse_blocks.ledger.rows import Promotion
from pulse_blocks.protocol import spec
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.protocol.translating import row_checks
from pulse_blocks.settings import Workspace
from pulse_blocks.stores import open_store

CARRIERS = ("bike", "train", "van")
FEATURES: dict[str, Any] = {
    "weight": {"type": "float", "ge": 0, "le": 50},
    "distance": {"type": "float", "ge": 0, "le": 2000, "nullable": True},
    "carrier": {"type": "category", "values": CARRIERS},
    "stops": {"type": "int", "ge": 0, "le": 20},
    "express": {"type": "bool", "nullable": True},
}
RECORD: dict[str, Any] = {"weight": 2.5, "distance": 700.0, "carrier": "train", "stops": 3, "express": False}

SERVE = """
import json, sys
from pathlib import Path
from pulse_blocks import settings
from pulse_blocks.serving.server import serve
from pulse_blocks.serving.tls import Tls
options = {"port": 0, **json.loads(sys.argv[2])}
if "tls" in options:
    options["tls"] = Tls(**{name: Path(path) for name, path in options["tls"].items()})
serve(settings.load(Path(sys.argv[1]), {}), sys.argv[3:], ready=lambda url: print(url, flush=True), **options)
"""


def protocol(name: str = "parcels", task: str = "binary-classification", **sections: Any) -> Protocol:
    """A protocol of five features for a task; ``sections`` replace or add sections."""
    targets: dict[str, dict[str, Any]] = {
        "binary-classification": {"name": "late", "type": "bool"},
        "multiclass-classification": {"name": "day", "type": "category", "values": ["mon", "tue", "wed"]},
        "regression": {"name": "hours", "type": "float"},
    }
    raw = {
        "pulse": 1,
        "name": name,
        "version": "1.0.0",
        "task": task,
        "source": {"datasource": "db", "query": "select 1", "time": "sent", "key": ["parcel"]},
        "features": FEATURES,
        "target": targets[task],
        "training": {},
        **sections,
    }
    return msgspec.convert(raw, Protocol)


def records(count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Valid records, some with missing values."""
    draw = random.Random(seed)  # noqa: S311 - test data
    return [
        {
            "weight": round(draw.uniform(0, 50), 3),
            "distance": None if draw.random() < 0.1 else round(draw.uniform(0, 2000), 2),
            "carrier": draw.choice(CARRIERS),
            "stops": draw.randrange(21),
            "express": draw.choice([True, False, None]),
        }
        for _ in range(count)
    ]


def matrix(rows: list[dict[str, Any]]) -> np.ndarray[Any, Any]:
    """The records as training sees them: category codes, NaN for what is missing."""
    return np.array(
        [[r["weight"], r["distance"], CARRIERS.index(r["carrier"]), r["stops"], r["express"]] for r in rows],
        dtype=np.float64,
    )


def train(kind: Protocol, seed: int = 1, rounds: int = 20) -> lgb.Booster:
    """A booster for the protocol's task, on generated records."""
    rows = records(2000, seed)
    data = matrix(rows)
    score = np.nan_to_num(data[:, 0]) / 25 + np.nan_to_num(data[:, 1], nan=900) / 900 + 0.1 * data[:, 3]
    objectives: dict[str, tuple[dict[str, Any], Any]] = {
        "binary-classification": ({"objective": "binary"}, score > 2.5),
        "multiclass-classification": (
            {"objective": "multiclass", "num_class": 3},
            np.digitize(score, [2, 3.2]),
        ),
        "regression": ({"objective": "regression"}, score),
    }
    params, labels = objectives[kind.task]
    params |= {"verbosity": -1, "num_leaves": 15, "seed": seed, "num_threads": 1}
    return lgb.train(params, lgb.Dataset(data, labels, categorical_feature=[2]), rounds)


def keep(workspace: Workspace, kind: Protocol, text: bytes) -> tuple[Bundle, str, str]:
    """Write a model's bundle into the workspace; gives the bundle, its key and its sha256."""
    digest = hashlib.sha256(text).hexdigest()
    store = open_store(workspace.store)
    store.put(f"models/{digest}.txt", text)
    trees = hashlib.sha256(text.partition(b"\nparameters:")[0]).hexdigest()
    bundle = Bundle(
        model=model_id(kind.name, kind.version, trees),
        name=kind.name,
        protocol=msgspec.Raw(spec.to_json(kind)),
        text=f"models/{digest}.txt",
        text_sha256=digest,
        trees=trees,
        run=RunFacts(
            id="run_5d0c8e1f2a3b",
            tracking_run="5d0c8e1f2a3b" + "0" * 20,
            started="2026-01-15T02:00:00Z",
            seconds=1.0,
            metrics={},
        ),
        snapshot=SnapshotFacts(
            id="snap_9f2c41ab77e0", hash="0" * 64, datasource="db", created="2026-01-15T01:59:45Z", rows=2000
        ),
        created="2026-01-15T02:05:00Z",
        row_checks=row_checks(kind),
    )
    return bundle, *bundles.write(store, bundle)


def promote(workspace: Workspace, kind: Protocol, text: bytes, version: str = "1") -> Promotion:
    """Write a model's bundle into the workspace and make it champion of its name."""
    bundle, key, sha256 = keep(workspace, kind, text)
    migrate(workspace.ledger)
    with open_ledger(workspace.ledger) as ledger:
        return ledger.promote(
            name=kind.name,
            model=bundle.model,
            bundle=key,
            bundle_sha256=sha256,
            version=version,
            run=bundle.run.id,
            attempt=None,
            reason="test",
            who="tests",
            signature=sign(
                signing_key(workspace, create=True),
                name=kind.name,
                model=bundle.model,
                bundle=key,
                sha256=sha256,
            ),
        )


def train_and_promote(
    workspace: Workspace, kind: Protocol | None = None, seed: int = 1, version: str = "1"
) -> Promotion:
    """A trained model that is champion of its name."""
    kind = kind or protocol()
    return promote(workspace, kind, train(kind, seed).model_to_string().encode(), version)


@contextlib.contextmanager
def runtime(workspace: Workspace, *names: str, **options: Any) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The runtime as a process, ``options`` as ``serve`` takes them; gives its address and the process.

    Kills what is left of it.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, workspace.root, json.dumps(options), *names],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stderr
    try:
        address = process.stdout.readline().strip()
        assert address, process.stderr.read()
        yield address, process
    finally:
        process.kill()
        process.communicate()
