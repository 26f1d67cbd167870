"""A datasource whose connection is cut in the middle of its rows, and a disk that is full."""

from __future__ import annotations

import os
import random
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.protocol.columns import ColumnSpec
from pulse_blocks.protocol.spec import FieldSpec
from pulse_blocks.settings import Datasource
from pulse_blocks.snapshots.reading import all_snapshots
from pulse_blocks.snapshots.verify import verify
from pulse_blocks.snapshots.writing import write_chunks
from pulse_blocks.sources import Query, open_source
from pulse_blocks.stores import open_store
from tests.faulty_proxy import TcpProxy
from tests.postgres_server import PostgresServer
from tests.small_data import columns, protocol, snapshot_of

FULL = os.environ.get("PULSE_FAULTS") == "full"
ROUNDS = 50 if FULL else 5
ROWS = 100_000
Tell = Callable[[str, str, str], None]
pytestmark = pytest.mark.faults


def column(name: str, kind: str) -> ColumnSpec:
    """A column of the table ``t``."""
    return ColumnSpec(name=name, role="column", field=FieldSpec(type=kind))  # type: ignore[arg-type]


QUERY = Query(
    datasource="t",
    sql="select * from t",
    columns=(column("k", "int"), column("x", "float")),
    key=("k",),
)


@pytest.fixture
def table(postgres_server: PostgresServer) -> str:
    """The URL of a database with a table of some megabytes."""
    import psycopg

    url = postgres_server.new_database()
    with psycopg.connect(url) as connection:
        connection.execute(
            "create table t as select k, k / 7.0::float8 as x from generate_series(1, 100000) k"
        )
    return url


def test_a_connection_that_is_cut(table: str, tmp_path: Path, tell: Tell) -> None:
    """After any number of bytes: the source is out of reach, in words without its password; then all is well."""
    parts = urlsplit(table)
    chance = random.Random(7)  # noqa: S311 - moments, no secrets
    for _ in range(ROUNDS):
        proxy = TcpProxy("127.0.0.1", parts.port or 0, limit=chance.randrange(5_000, 1_500_000))
        url = f"postgresql://pulse:planted-secret@127.0.0.1:{proxy.port}{parts.path}"
        store = open_store(str(tmp_path / "store"))
        with pytest.raises(UnavailableError) as caught:
            write_chunks(store, open_source(Datasource(url)).stream(QUERY), ("k",))
        assert caught.value.code == "source.failed"
        assert "planted" not in str(caught.value)
        assert list(all_snapshots(store)) == []
        proxy.close()
    written = write_chunks(store, open_source(Datasource(table)).stream(QUERY), ("k",))
    assert written.rows == ROWS
    tell("PostgreSQL's connection cut in the middle of the rows", f"{ROUNDS} cuts", "told as out of reach")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True, check=False
        ).returncode
    )
    if not made:
        # A container may forbid it, CI's too; the limit on file sizes below is tested everywhere.
        pytest.skip("needs the right to mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(small_disk: Path, tell: Tell) -> None:
    """A clear error; what was there is whole, nothing half is left, and with space the next call completes."""
    store = open_store(str(small_disk))
    before = snapshot_of(store, protocol(), columns(5_000))
    held = {chunk.sha256 for chunk in before.chunks}
    filler = small_disk / "filler"
    filler.write_bytes(b"\0" * 2_000_000)
    for seed in range(1, ROUNDS + 1):
        with pytest.raises(UnavailableError, match="No space left") as caught:
            snapshot_of(store, protocol(), columns(60_000, seed))
        assert caught.value.code == "store.full"
        assert [one.id for one in all_snapshots(store)] == [before.id]
        assert verify(store, before).ok
        assert store.unfinished(0.0, delete=False) == 0
        for key in list(store.keys("chunks/")):
            if Path(key).stem not in held:
                store.delete(key)
    filler.unlink()
    assert verify(store, snapshot_of(store, protocol(), columns(10_000, 1))).ok
    tell(
        "the disk full in the middle of a snapshot",
        f"{ROUNDS}",
        "told, the store whole, the next call completed",
    )


def test_a_limit_on_the_size_of_files(tmp_path: Path) -> None:
    """The same where files may not grow: nothing is left of the one that could not."""
    store = open_store(str(tmp_path))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(PulseError, match="File too large") as caught:
            snapshot_of(store, protocol(), columns(5_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.code == "store.full"
    assert list(store.keys()) == []
    assert verify(store, snapshot_of(store, protocol(), columns(5_000))).ok
