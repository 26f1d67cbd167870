"""The SQLite file: what it refuses, and what it costs to open."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.ledger import migrate, open_ledger
from pulse_blocks.ledger.rows import NewLabel
from pulse_blocks.ledger.sqlite import check_version, connect

HEAVY = {"sqlalchemy", "alembic", "prefect", "mlflow", "lightgbm", "pandas", "polars", "pyarrow", "numpy"}


def test_a_missing_ledger_is_told_and_not_created(tmp_path: Path) -> None:
    """Reading where nothing has been run says so in a sentence, and leaves no file behind."""
    with pytest.raises(PulseError, match="Nothing has been run here yet") as error:
        open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    assert error.value.code == "ledger.missing"
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_a_missing_ledger(tmp_path: Path) -> None:
    """A file without tables counts as not there."""
    (tmp_path / "ledger.db").touch()
    with pytest.raises(PulseError) as error:
        open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    assert error.value.code == "ledger.missing"


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """A ledger that a later version of Pulse wrote is not touched."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    migrate(url)
    connection = connect(tmp_path / "ledger.db")
    connection.execute("update alembic_version set version_num = '9999'")
    connection.close()
    with pytest.raises(PulseError, match="9999") as error:
        open_ledger(url)
    assert error.value.code == "ledger.newer"


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    """Garbage in the ledger's place is a clear error, not a traceback."""
    (tmp_path / "ledger.db").write_bytes(b"this is no database, but long enough to look like one" * 40)
    with pytest.raises(UnavailableError, match="not a database"):
        open_ledger(f"sqlite:///{tmp_path}/ledger.db")


def test_another_database_is_refused(tmp_path: Path) -> None:
    """A URL that no driver serves is named."""
    with pytest.raises(PulseError, match="mysql"):
        open_ledger("mysql://localhost/ledger")


def test_a_sqlite_with_the_wal_bug_is_refused() -> None:
    """Versions whose WAL two processes can corrupt are refused with the way out."""
    with pytest.raises(PulseError, match=r"3\.51\.2") as error:
        check_version((3, 51, 2))
    assert error.value.code == "ledger.sqlite_too_old"
    check_version((3, 51, 3))


@pytest.mark.parametrize(
    ("durability", "level"), [("full", 2), ("process", 1)], ids=["power loss", "death of the process"]
)
def test_commits_are_as_durable_as_asked(tmp_path: Path, durability: str, level: int) -> None:
    """WAL with synchronous=FULL by default; NORMAL only where asked."""
    connection = connect(tmp_path / "ledger.db", durability)  # type: ignore[arg-type]
    assert connection.execute("pragma synchronous").fetchone() == (level,)
    assert connection.execute("pragma journal_mode").fetchone() == ("wal",)
    assert connection.execute("pragma foreign_keys").fetchone() == (1,)
    connection.close()


@pytest.mark.parametrize("table", ["inferences", "promotions", "labels"])
@pytest.mark.parametrize("change", ["delete from {}", "update {} set at = 0"])
def test_facts_cannot_be_changed(tmp_path: Path, table: str, change: str) -> None:
    """The database itself refuses to update or delete a fact."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    migrate(url)
    with open_ledger(url) as ledger:
        ledger.append([("inference_1", 1, None, None, "m", "{}", "{}", b"", b"", 1, 0)])
        ledger.label([NewLabel(inference="inference_1", value="1")])
        ledger.promote(
            name="m", model="m", bundle="b", bundle_sha256="", version="1", run="r", attempt=None,
            reason="", who="",
        )  # fmt: skip
    connection = connect(tmp_path / "ledger.db")
    with pytest.raises(Exception, match="append-only"):
        connection.execute(change.format(table))
    connection.close()


def test_the_runtime_part_imports_nothing_heavy() -> None:
    """Opening a ledger costs neither SQLAlchemy nor any of the large packages."""
    code = (
        "import sys, pulse_blocks.ledger.sqlite, pulse_blocks.ledger\n"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(run.stdout.split())
