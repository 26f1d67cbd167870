"""A sound workspace, and every way of tampering with it that an audit must name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pysqlite3

from pulse_blocks import ids
from pulse_blocks.bundle.files import key_of
from pulse_blocks.lineage.audit import Audit, audit
from pulse_blocks.lineage.node import Places
from pulse_blocks.records import Snapshot, StoredModel
from pulse_blocks.settings import sqlite_path
from pulse_blocks.snapshots import layout
from tests import small_data
from tests.lineage_world import World

KEY = b"a key of thirty-two bytes or more"
TREES = "tree\nversion=v4\n{seed}\n"


class Sound:
    """A workspace with two promoted models on real rows, and inferences of both."""

    def __init__(self, root: Path) -> None:
        self.world = World(root)
        self.world.protocol = small_data.protocol(name="tiny")
        self.snapshots: list[Snapshot] = []
        self.stored = [self._model("a", 500), self._model("b", 600)]
        self.promotions = [self.world.promote(one, key=KEY) for one in self.stored]
        self.inferences = [self.world.infer(one.model, 3) for one in self.stored]

    def _model(self, seed: str, rows: int) -> StoredModel:
        contract = small_data.protocol(name="tiny")
        snapshot = small_data.snapshot_of(self.world.store, contract, small_data.columns(rows))
        self.snapshots.append(snapshot)
        text = TREES.format(seed=seed).encode()
        sha256 = hashlib.sha256(text).hexdigest()
        self.world.store.put(f"models/{sha256}.txt", text)
        trained = self.world.train(
            snapshot,
            seed,
            text=f"models/{sha256}.txt",
            text_sha256=sha256,
            trees=sha256,
            model=ids.model_id("tiny", "1.0.0", sha256),
        )
        return self.world.keep(trained, snapshot)

    def audit(self) -> Audit:
        """What the audit says now."""
        return audit(Places(ledger=self.world.ledger, store=self.world.store), KEY)

    def sql(self, statement: str, *values: object) -> None:
        """Change the ledger behind Pulse's back: whoever can write the file can drop its guards."""
        path = sqlite_path(self.world.workspace.ledger)
        connection = pysqlite3.connect(str(path))
        with connection:
            guards = connection.execute("select name from sqlite_master where type = 'trigger'").fetchall()
            for (guard,) in guards:
                connection.execute(f"drop trigger {guard}")
            assert connection.execute(statement, values).rowcount > 0
        connection.close()

    def rewrite(self, key: str, change: Callable[[bytes], bytes]) -> None:
        """Change an object of the store behind Pulse's back."""
        data = self.world.store.get(key)
        assert change(data) != data
        self.world.store.delete(key)
        self.world.store.create(key, change(data))


def flipped(data: bytes) -> bytes:
    """One bit in the middle changed."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def chunk(sound: Sound) -> str:
    """A chunk of the first snapshot."""
    return layout.chunk_key(sound.snapshots[0].chunks[0].sha256)


# What is done, and what the audit must say: kind of thing, and words of the problem.
TAMPERING: dict[str, tuple[Callable[[Sound], None], str, str]] = {
    "a bit of a chunk": (lambda s: s.rewrite(chunk(s), flipped), "snapshot", "damaged"),
    "a chunk is gone": (lambda s: s.world.lose(chunk(s)), "snapshot", "is missing"),
    "a bit of a manifest": (
        lambda s: s.rewrite(layout.manifest_key(s.snapshots[0].id), flipped),
        "snapshot",
        "manifest",
    ),
    "a manifest is gone": (
        lambda s: s.world.lose(layout.manifest_key(s.snapshots[0].id)),
        "snapshot",
        "There is no snapshot",
    ),
    "a bit of a sample": (
        lambda s: s.rewrite(layout.sample_key(s.snapshots[0].id), flipped),
        "snapshot",
        "damaged",
    ),
    "a bit of a profile": (
        lambda s: s.rewrite(layout.profile_key(s.snapshots[0].id), flipped),
        "snapshot",
        "damaged",
    ),
    "a metric in a bundle": (
        lambda s: s.rewrite(key_of(s.stored[0].model), lambda data: data.replace(b"0.98468", b"0.99999")),
        "model",
        "not the one that was stored",
    ),
    "a bundle is gone": (
        lambda s: s.world.lose(key_of(s.stored[0].model)),
        "model",
        "Its bundle is missing",
    ),
    "one bundle in the place of another": (
        lambda s: s.rewrite(
            key_of(s.stored[0].model), lambda _: s.world.store.get(key_of(s.stored[1].model))
        ),
        "model",
        "is that of",
    ),
    "a bundle that no run has stored": (
        lambda s: s.world.store.create("bundles/tiny/1.0.0-0000000.json", b"{}"),
        "model",
        "cannot be used",
    ),
    "a model's text": (
        lambda s: s.rewrite(f"models/{hashlib.sha256(TREES.format(seed='a').encode()).hexdigest()}.txt", flipped),
        "model",
        "differs from its sha256",
    ),
    "a metric in the ledger": (
        lambda s: s.sql("update stages set record = replace(record, '0.98468', '0.99999') where stage = 'train'"),
        "model",
        "The metrics of its run",
    ),
    "a run taken out of the ledger": (
        lambda s: s.sql("delete from stages where stage = 'train' and record_id = ?", s.stored[0].run),
        "model",
        "the ledger knows no such training",
    ),
    "a record that is no JSON": (
        lambda s: s.sql("update stages set record = '{' where stage = 'train'"),
        "stage",
        "cannot be read",
    ),
    "a record under another id": (
        lambda s: s.sql("update stages set record_id = 'run_000000000000' where stage = 'train'"),
        "stage",
        "Its record is that of",
    ),
    "an unknown stage": (
        lambda s: s.sql("update stages set stage = 'magic' where stage = 'snapshot'"),
        "stage",
        "There is no stage magic",
    ),
    "another snapshot under a model": (
        lambda s: s.sql(
            "update stages set record = replace(record, ?, 'snap_000000000000') where stage = 'snapshot'",
            s.snapshots[0].hash,
        ),
        "snapshot",
        "noted another",
    ),
    "a promotion of another model": (
        lambda s: s.sql("update promotions set model = 'tiny@1.0.0-0000000' where seq = 2"),
        "promotion",
        "the audit log says",
    ),
    "a promotion with another hash": (
        lambda s: s.sql("update promotions set bundle_sha256 = ? where seq = 1", "0" * 64),
        "promotion",
        "not the one that was promoted",
    ),
    "a promotion of a bundle that is not there": (
        lambda s: s.sql("update promotions set bundle = 'bundles/tiny/9.json' where seq = 2"),
        "promotion",
        "is missing",
    ),
    "a promotion with another reason": (
        lambda s: s.sql("update promotions set reason = 'because' where seq = 2"),
        "promotion",
        "Its reason is because",
    ),
    "a promotion with another past": (
        lambda s: s.sql("update promotions set previous = null where seq = 2"),
        "promotion",
        "was champion before",
    ),
    "the first promotion taken out": (
        lambda s: s.sql("delete from promotions where seq = 1"),
        "promotion",
        "does not exist",
    ),
    "the last promotion taken out": (
        lambda s: s.sql("delete from promotions where seq = 2"),
        "promotion",
        "its promotion is missing",
    ),
    "a promotion moved in time": (
        lambda s: s.sql("update promotions set at = 1 where seq = 2"),
        "promotion",
        "older than the one before",
    ),
    "a promotion by nobody's key": (
        lambda s: s.sql("update promotions set signature = 'hmac-sha256:00' where seq = 2"),
        "promotion",
        "was not promoted with the key",
    ),
    "a promotion without a signature": (
        lambda s: s.sql("update promotions set signature = '' where seq = 2"),
        "promotion",
        "carries no signature",
    ),
    "a promotion that nobody logged": (
        lambda s: s.sql("delete from audit where seq = 2"),
        "promotion",
        "The audit log does not know it",
    ),
    "a row of the audit log taken out": (
        lambda s: s.sql("delete from audit where seq = 1"),
        "audit",
        "before it are missing",
    ),
    "a row of the audit log rewritten": (
        lambda s: s.sql("update audit set who = 'somebody else' where seq = 1"),
        "audit",
        "differs from its hash",
    ),
    "a row of the audit log rewritten with its hash": (
        lambda s: s.sql("update audit set hash = ? where seq = 1", "0" * 64),
        "audit",
        "does not follow",
    ),
    "a row of the audit log that is no JSON": (
        lambda s: s.sql("update audit set details = '[' where seq = 1"),
        "audit",
        "differs from its hash",
    ),
    "an input": (
        lambda s: s.sql("update inferences set input = '{\"weight\":2.0}' where id = ?", s.inferences[0][0]),
        "inference",
        "Its input differs",
    ),
    "an output": (
        lambda s: s.sql("update inferences set output = '{}' where id = ?", s.inferences[1][2]),
        "inference",
        "Its output differs",
    ),
    "a hash of an input": (
        lambda s: s.sql("update inferences set input_sha256 = x'00' where id = ?", s.inferences[0][1]),
        "inference",
        "Its input differs",
    ),
    "an inference of a model that never was": (
        lambda s: s.sql("update inferences set model = 'tiny@1.0.0-0000000' where id = ?", s.inferences[0][0]),
        "inference",
        "neither store nor ledger know it",
    ),
}  # fmt: skip
