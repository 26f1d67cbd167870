"""Files in a real bucket as a datasource: what goes wrong is told in one sentence, at once where it will not pass."""

from __future__ import annotations

import time
from pathlib import Path

import polars as pl
import pytest

from pulse_blocks.cli import main
from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.settings import FILE, Datasource
from pulse_blocks.sources import Query, open_source
from pulse_blocks.sources.base import Source
from pulse_blocks.stores import s3_calls
from pulse_blocks.stores.s3_calls import Credentials, sign_in
from tests.ceph_server import KEY, SECRET, S3Server
from tests.source_writers import put, s3_parquet
from tests.tiny_project import make_project

pytestmark = pytest.mark.xdist_group("s3")
QUERY = Query(datasource="orders", sql="select * from orders", columns=())


def orders(s3: S3Server) -> Source:
    """Two Parquet files in a bucket."""
    return open_source(s3_parquet(s3.url, s3.bucket())([{"id": 1}, {"id": 2}]))


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("AWS_SECRET_ACCESS_KEY", "planted-wrong-secret", "the secret key does not fit"),
        ("AWS_ACCESS_KEY_ID", "NOBODY", "the access key is not known"),
    ],
)
def test_wrong_credentials(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    """Told at once, without the secret."""
    source = orders(s3)
    monkeypatch.setenv(name, value)
    started = time.monotonic()
    with pytest.raises(PulseError, match=reason) as caught:
        source.test()
    assert caught.value.code == "store.credentials"
    assert not isinstance(caught.value, UnavailableError)
    assert "planted" not in str(caught.value)
    assert time.monotonic() - started < 10


def test_keys_of_one_bucket(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A datasource may have keys of its own beside those of the store: they hold for its bucket alone."""
    bucket = s3.bucket()
    source = open_source(s3_parquet(s3.url, bucket)([{"id": 1}, {"id": 2}]))
    monkeypatch.setattr(s3_calls, "_signed_in", {})
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    sign_in(Credentials("NOBODY", "wrong"))
    with pytest.raises(PulseError):
        source.test()
    sign_in(Credentials(KEY, SECRET), bucket)
    assert source.peek(QUERY, 10).num_rows == 2


def test_no_file_no_bucket_no_parquet(s3: S3Server) -> None:
    """What is missing is named."""
    bucket = s3.bucket()
    for url, code in (
        (f"s3://{bucket}/nowhere/*.csv", "source.missing"),
        ("s3://pulse-nowhere/a.csv", "store.bucket_missing"),
    ):
        with pytest.raises(PulseError) as caught:
            open_source(Datasource(url)).test()
        assert caught.value.code == code
    put(s3.url, bucket, "a.parquet", b"PAR1 no PAR1")
    with pytest.raises(PulseError, match=r"a\.parquet") as caught:
        open_source(Datasource(f"s3://{bucket}/a.parquet")).test()
    assert caught.value.code == "source.unreadable"


def test_a_server_that_is_down(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tried again, then told once as something that may pass."""
    monkeypatch.setattr(s3_calls, "PAUSES", (0.01,))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    for ending in ("csv", "parquet"):
        with pytest.raises(UnavailableError, match="out of reach"):
            open_source(Datasource(f"s3://bucket/a.{ending}")).test()


def test_the_files_of_a_bucket_by_the_command_line(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Entered, tested, and made a snapshot of; nothing of the files stays on this machine."""
    folder = make_project(tmp_path / "project")
    monkeypatch.setenv("PULSE_ROOT", str(folder))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    bucket = s3.bucket()
    table = pl.read_database_uri(
        "select * from parcels", f"sqlite:///{folder}/.pulse/parcels.db", engine="adbc"
    )
    for number, part in enumerate((table[:1000], table[1000:])):
        put(s3.url, bucket, f"parcels/{number}.csv", part.write_csv().encode())
    assert main.run(["snapshot", "create", "tiny"]) == 0
    before = capsys.readouterr().out
    (folder / ".pulse" / FILE).unlink()
    assert main.run(["datasource", "add", "parcels", f"s3://{bucket}/parcels/*.csv"]) == 0
    assert main.run(["datasource", "test", "parcels"]) == 0
    assert main.run(["snapshot", "create", "tiny"]) == 0
    after = capsys.readouterr().out
    assert "the data are unchanged" in after.lower(), before
    assert list(tmp_path.glob("pulse-csv-*")) == []
