"""``pulse demo-data`` and ``pulse schema``."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from tests.tiny_project import pulse


def rows_in(path: Path, table: str) -> int:
    """How many rows a table has."""
    with sqlite3.connect(path) as db:
        count = int(db.execute(f"select count(*) from {table}").fetchone()[0])  # noqa: S608  a name of ours
    db.close()
    return count


def test_transactions_are_written_once_and_entered_as_a_datasource(tmp_path: Path) -> None:
    """A second call finds them; other rows or another seed are written anew."""
    path = tmp_path / ".pulse" / "data" / "transactions.db"
    asked = ["demo-data", "transactions", "--rows", "500", "--json"]
    first = json.loads(pulse(tmp_path, *asked).stdout)
    assert first == {"datasource": "transactions", "path": str(path), "rows": 500, "written": True}
    assert rows_in(path, "transactions") == 500
    assert json.loads(pulse(tmp_path, *asked).stdout)["written"] is False
    assert json.loads(pulse(tmp_path, *asked, "--seed", "8").stdout)["written"] is True
    assert json.loads(pulse(tmp_path, *asked[:3], "600", "--json").stdout)["rows"] == 600
    (listed,) = json.loads(pulse(tmp_path, "datasource", "list", "--json").stdout)
    assert listed == {"name": "transactions", "url": f"sqlite:///{path}"}


def test_a_file_that_was_cut_off_is_written_again(tmp_path: Path) -> None:
    """What is there counts only where it is whole."""
    path = tmp_path / ".pulse" / "data" / "transactions.db"
    asked = ["demo-data", "transactions", "--rows", "500", "--json"]
    pulse(tmp_path, *asked)
    path.write_bytes(path.read_bytes()[:4096])
    assert json.loads(pulse(tmp_path, *asked).stdout)["written"] is True
    assert rows_in(path, "transactions") == 500


def test_a_datasource_of_that_name_is_never_replaced(tmp_path: Path) -> None:
    """The user's own ``transactions`` stays, and nothing is written."""
    pulse(tmp_path, "datasource", "add", "transactions", "sqlite:///mine.db")
    done = pulse(tmp_path, "demo-data", "transactions", "--rows", "5")
    assert done.returncode == 1
    assert "with another URL" in done.stderr
    assert not (tmp_path / ".pulse" / "data").exists()


def test_the_schema_is_json_that_knows_the_sections(tmp_path: Path) -> None:
    """An editor that reads it completes the keys of a protocol."""
    schema = json.loads(pulse(tmp_path, "schema").stdout)
    assert schema["$schema"].startswith("https://json-schema.org/")
    text = json.dumps(schema)
    assert all(f'"{section}"' in text for section in ("source", "features", "training", "monitoring"))
