"""A workspace whose store is a real S3 server: the whole pipeline, Object Lock, credentials."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pulse_blocks import bundle, settings
from pulse_blocks.cli import main
from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.lineage import trace
from pulse_blocks.serving.model import Model
from pulse_blocks.snapshots import garbage
from pulse_blocks.snapshots.garbage import Roots
from pulse_blocks.snapshots.layout import manifest_key
from pulse_blocks.snapshots.reading import all_snapshots
from pulse_blocks.snapshots.verify import verify
from pulse_blocks.stores import open_store, s3_calls
from pulse_blocks.stores import s3 as s3_module
from pulse_blocks.stores.s3_calls import Credentials, sign_in
from tests import six_stages
from tests.ceph_server import KEY, SECRET, S3Server, client
from tests.faulty_proxy import http_proxy
from tests.small_data import columns, protocol, snapshot_of
from tests.tiny_project import RECORD, make_project

pytestmark = pytest.mark.xdist_group("s3")
NOTHING = Roots(chunks=frozenset(), models=frozenset(), snapshots=frozenset())


def test_the_whole_pipeline(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Six stages, lineage, verify and the bundle that a runtime serves: nothing of the store is on this disk."""
    folder = make_project(tmp_path / "project")
    monkeypatch.setenv("PULSE_ROOT", str(folder))
    monkeypatch.setenv("PULSE_STORE", f"s3://{s3.bucket()}/team/pulse")
    workspace = settings.load()
    done = six_stages.run(workspace)
    assert done.deployed.promoted
    assert main.run(["snapshot", "create", "tiny", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["new_bytes"] == 0
    assert not (folder / ".pulse" / "store").exists()
    store = open_store(workspace.store)
    (snapshot,) = all_snapshots(store)
    assert verify(store, snapshot).ok
    model = Model(bundle.load(store, done.stored.bundle, done.stored.bundle_sha256))
    (value,) = model.values([msgspec.convert(RECORD, model.record)])
    assert 0 < value < 1
    assert trace(workspace, done.stored.model).children[0].id == done.model.run
    assert main.run(["snapshot", "show", snapshot.id]) == 0
    assert main.run(["snapshot", "gc"]) == 0
    assert "nothing to free" in capsys.readouterr().out


def test_object_lock(s3: S3Server) -> None:
    """What is locked cannot be deleted, neither by Pulse nor by the server's owner, and gc says until when."""
    bucket, claims = s3.bucket(locked=True), s3.bucket()
    store = open_store(f"s3://{bucket}?retention=1h&claims={claims}")
    snapshot = snapshot_of(store, protocol(), columns(100))
    key = f"chunks/{snapshot.chunks[0].sha256[:2]}/{snapshot.chunks[0].sha256}.parquet"
    until = store.locked_until(key)
    assert until is not None
    with pytest.raises(PulseError, match=until) as caught:
        store.delete(key)
    assert caught.value.code == "store.locked"
    direct: Any = client(s3.url)
    version = direct.head_object(Bucket=bucket, Key=key)["VersionId"]
    with pytest.raises(Exception, match="object lock"):
        direct.delete_object(Bucket=bucket, Key=key, VersionId=version)
    assert store.locked_until(f"snapshots/{snapshot.id}/manifest.json") is not None
    orphan = f"chunks/aa/{'aa' * 32}.parquet"
    store.put(orphan, b"12345")
    found = garbage.find(store, NOTHING, grace=0.0)
    assert [one.key for one in found.garbage] == [orphan]
    deleted = garbage.delete(store, found, grace=0.0)
    assert (deleted.objects, list(deleted.locked)) == (0, [orphan])
    assert snapshot_of(store, protocol(), columns(100)).created == snapshot.created


def test_a_claim_whose_object_is_missing_is_finished(s3: S3Server) -> None:
    """A crash between the claim and the locked object: the next caller loses, and the object is there."""
    bucket, claims = s3.bucket(locked=True), s3.bucket()
    direct: Any = client(s3.url)
    direct.put_object(Bucket=claims, Key="a", Body=b"first")
    store = open_store(f"s3://{bucket}?retention=1h&claims={claims}")
    assert store.create("a", b"second") is False
    assert store.get("a") == b"first"


@pytest.mark.parametrize("dies_before", [1, 2])
def test_a_collector_that_dies_between_object_and_claim(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch, dies_before: int
) -> None:
    """Whatever it leaves of a manifest: after the next collection the same rows are a whole snapshot again."""
    store = open_store(f"s3://{s3.bucket(locked=True)}?claims={s3.bucket()}")
    snapshot = snapshot_of(store, protocol(), columns(20_000))
    call, left = s3_calls.Calls.__call__, [dies_before]

    def dying(self: s3_calls.Calls, method: str, key: str | None = None, **arguments: Any) -> Any:
        if method == "delete_object":
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt
        return call(self, method, key, **arguments)

    with monkeypatch.context() as patch:
        patch.setattr(s3_calls.Calls, "__call__", dying)
        with pytest.raises(KeyboardInterrupt):
            store.delete(manifest_key(snapshot.id))
    garbage.delete(store, garbage.find(store, NOTHING, grace=0.0), grace=0.0)
    assert verify(store, snapshot_of(store, protocol(), columns(20_000))).ok


def test_an_old_claim_whose_object_is_missing_is_taken(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its writer is dead, and what it has written may name what is gone: one of the next callers wins."""
    bucket, claims = s3.bucket(locked=True), s3.bucket()
    direct: Any = client(s3.url)
    direct.put_object(Bucket=claims, Key="a", Body=b"of yesterday")
    monkeypatch.setattr(s3_module, "CLAIM_SECONDS", -1.0)
    store = open_store(f"s3://{bucket}?claims={claims}")
    assert store.create("a", b"second") is True
    assert store.create("a", b"third") is False
    assert store.get("a") == b"second"


def test_a_grace_time_that_protects_nobody(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Objects that are found again keep their time for ten minutes: a shorter grace time may be looked with only."""
    monkeypatch.setenv("PULSE_ROOT", str(make_project(tmp_path / "project")))
    monkeypatch.setenv("PULSE_STORE", f"s3://{s3.bucket()}")
    assert main.run(["snapshot", "gc", "--grace", "5m"]) == 0
    assert main.run(["snapshot", "gc", "--grace", "5m", "--delete"]) == 2
    assert "at least 20m" in capsys.readouterr().err


def test_wrong_credentials_are_told_at_once(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong is named; nothing is tried twice; the secret is not shown."""
    bucket = s3.bucket()
    with http_proxy(s3.url) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        for name, value, reason in [
            ("AWS_SECRET_ACCESS_KEY", "planted-wrong-secret", "the secret key does not fit"),
            ("AWS_ACCESS_KEY_ID", "NOBODY", "the access key is not known"),
        ]:
            with monkeypatch.context() as patch:
                patch.setenv(name, value)
                store = open_store(f"s3://{bucket}")
                for call in (
                    lambda store=store: store.get("a"),
                    lambda store=store: store.put("a", b""),
                    lambda store=store: store.create("a", b""),
                    lambda store=store: list(store.keys()),
                ):
                    proxy.requests.clear()
                    with pytest.raises(PulseError, match=reason) as caught:
                        call()
                    assert caught.value.code == "store.credentials"
                    assert not isinstance(caught.value, UnavailableError)
                    assert "planted" not in str(caught.value)
                    assert len(proxy.requests) <= 2  # HEAD has no reason: a second call asks for it


def test_no_credentials_at_all(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says where they may come from."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(PulseError, match="AWS_ACCESS_KEY_ID") as caught:
        open_store(f"s3://{s3.bucket()}").get("a")
    assert caught.value.code == "store.credentials"


def test_an_aws_profile(s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys may lie in the files of AWS's own tools, named by the URL or the environment."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    file = tmp_path / "credentials"
    file.write_text(f"[team]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    bucket = s3.bucket()
    assert open_store(f"s3://{bucket}?profile=team").put("a", b"1") == 1
    monkeypatch.setenv("AWS_PROFILE", "team")
    assert open_store(f"s3://{bucket}").get("a") == b"1"


def test_keys_that_a_program_hands_over(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a Prefect block does; they are shown nowhere."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name)
    monkeypatch.setattr(s3_calls, "_signed_in", {})
    given = Credentials(KEY, SECRET, region="us-east-1", endpoint=s3.url)
    assert SECRET not in repr(given)
    sign_in(given)
    assert open_store(f"s3://{s3.bucket()}").put("a", b"1") == 1


def test_no_such_bucket(s3: S3Server) -> None:
    """It is told as that, not as an object that is missing."""
    with pytest.raises(PulseError, match="There is no S3 bucket pulse-nowhere") as caught:
        open_store("s3://pulse-nowhere").get("a")
    assert caught.value.code == "store.bucket_missing"


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch, s3: S3Server) -> None:
    """A server that is down is tried for some seconds, then told in one sentence."""
    monkeypatch.setattr(s3_calls, "PAUSES", (0.01, 0.01))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    started = time.monotonic()
    with pytest.raises(UnavailableError, match=r"is out of reach: .*3 tries"):
        open_store("s3://bucket").get("a")
    assert time.monotonic() - started < 10
