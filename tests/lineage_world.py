"""A workspace with a snapshot, a run, a model and an inference: real ledger, store, manifest and bundle."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from pulse_blocks import bundle, ids, ledger, settings
from pulse_blocks.bundle.signing import sign
from pulse_blocks.ledger.rows import Promotion
from pulse_blocks.protocol import loading
from pulse_blocks.records import (
    Chunk,
    ProtocolRef,
    RefusedModel,
    Snapshot,
    SnapshotRef,
    StoredModel,
    TrainedModel,
    to_json,
)
from pulse_blocks.settings import Workspace
from pulse_blocks.snapshots import layout, manifest
from pulse_blocks.stores import open_store
from tests.tiny_project import PROTOCOL

STARTED = "2026-01-15T02:00:00Z"
CREATED = "2026-01-15T01:59:45Z"


class World:
    """What is in the workspace, and how more comes into it."""

    def __init__(self, root: Path) -> None:
        self.workspace: Workspace = settings.load(root, environ={})
        self.store = open_store(self.workspace.store)
        self.protocol = loading.loads(PROTOCOL)
        ledger.migrate(self.workspace.ledger)
        self.ledger = ledger.open_ledger(self.workspace.ledger)

    def snapshot(self, seed: str = "a") -> Snapshot:
        """A manifest in the store."""
        chunk = Chunk(sha256=sha(f"file {seed}"), digest=sha(f"rows {seed}"), rows=1_247_832, bytes=10)
        content = layout.content_sha256((chunk,))
        found = Snapshot(
            id=ids.snapshot_id(content),
            hash=content,
            protocol=ProtocolRef(name="tiny", version="1.0.0", digest=self.protocol.digest),
            datasource="parcels",
            query="select 1",
            window=None,
            created=CREATED,
            columns=(),
            chunks=(chunk,),
            rows=chunk.rows,
            bytes=chunk.bytes,
            profile_sha256=sha("profile"),
            sample_sha256=sha("sample"),
        )
        self.store.create(layout.manifest_key(found.id), manifest.encode(found))
        return found

    def train(self, snapshot: Snapshot, seed: str = "a", **facts: Any) -> TrainedModel:
        """A run that has finished its training; its record is in the ledger. ``facts`` replace its own."""
        text = f"tree {seed}".encode()
        tracking_run = sha(f"run {snapshot.id} {seed}")[:32]
        trained = TrainedModel(
            run=ids.run_id(tracking_run),
            tracking_run=tracking_run,
            model=ids.model_id("tiny", "1.0.0", sha(f"tree {seed}")),
            snapshot=snapshot.id,
            datasource="parcels",
            text=f"models/{sha(f'tree {seed}')}.txt",
            text_sha256=sha(f"tree {seed}"),
            trees=sha(f"tree {seed}"),
            metrics={"f1_score": 0.9621, "accuracy": 0.98468},
            train_rows=8,
            test_rows=2,
            smoke="models/smoke.json",
            lost=None,
            started=STARTED,
            seconds=272.0,
        )
        self.store.put(trained.text, text)
        trained = msgspec.structs.replace(trained, **facts)
        ref = SnapshotRef(
            id=snapshot.id,
            hash=snapshot.hash,
            datasource="parcels",
            rows=snapshot.rows,
            bytes=snapshot.bytes,
            new_bytes=0,
            created=CREATED,
            existed=True,
        )
        attempt = self.ledger.begin("tiny", tracking_run).id
        self.ledger.finish_stage(attempt, "snapshot", ref.id, to_json(ref), 1.0)
        self.ledger.finish_stage(attempt, "train", trained.run, to_json(trained), 1.0)
        return trained

    def refuse(self, snapshot: Snapshot, seed: str = "r", reason: str = "a gate is missed.") -> RefusedModel:
        """A run whose gate was missed."""
        tracking_run = sha(f"refused {snapshot.id} {seed}")[:32]
        refused = RefusedModel(
            run=ids.run_id(tracking_run),
            tracking_run=tracking_run,
            snapshot=snapshot.id,
            datasource=snapshot.datasource,
            metrics={"accuracy": 0.5},
            reason=reason,
            started=STARTED,
            seconds=3.0,
        )
        attempt = self.ledger.begin("tiny", tracking_run).id
        self.ledger.finish_stage(attempt, "refused", refused.run, to_json(refused), 1.0)
        return refused

    def promote(self, stored: StoredModel, name: str = "tiny", key: bytes | None = None) -> Promotion:
        """Make a stored model champion, by hand; signed where there is a key."""
        facts = {"name": name, "model": stored.model, "bundle": stored.bundle}
        signature = sign(key, **facts, sha256=stored.bundle_sha256) if key else ""
        return self.ledger.promote(
            name=name,
            model=stored.model,
            bundle=stored.bundle,
            bundle_sha256=stored.bundle_sha256,
            version=stored.version,
            run=stored.run,
            attempt=None,
            reason="it meets every gate",
            who="a test",
            signature=signature,
        )

    def keep(self, trained: TrainedModel, snapshot: Snapshot) -> StoredModel:
        """The bundle of a trained model, and the record of the store stage."""
        key, sha256 = bundle.write(self.store, bundle.make(self.protocol, trained, snapshot))
        stored = StoredModel(
            model=trained.model,
            run=trained.run,
            tracking_run=trained.tracking_run,
            snapshot=trained.snapshot,
            version="1",
            bundle=key,
            bundle_sha256=sha256,
            smoke=trained.smoke,
            lost=None,
        )
        attempt = self.ledger.begin("tiny", f"{trained.tracking_run} store").id
        self.ledger.finish_stage(attempt, "store", stored.model, to_json(stored), 1.0)
        return stored

    def infer(self, model: str, count: int = 1, flags: int = 0) -> list[str]:
        """Inferences of a model."""
        made = [ids.new_inference_id() for _ in range(count)]
        given, said = msgspec.json.encode({"weight": 1.0}), msgspec.json.encode({"probability": 0.5})
        hashes = hashlib.sha256(given).digest(), hashlib.sha256(said).digest()
        self.ledger.append(
            [
                (
                    one,
                    1_768_550_400_000_000,
                    None,
                    None,
                    model,
                    given.decode(),
                    said.decode(),
                    *hashes,
                    412,
                    flags,
                )
                for one in made
            ]
        )
        return made

    def lose(self, key: str) -> None:
        """Delete an object behind Pulse's back."""
        self.store.delete(key)


def sha(text: str) -> str:
    """The sha256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()
