"""SQLite: storage classes that vary by the row, and refusals."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.protocol.spec import FieldType
from pulse_blocks.settings import Datasource
from pulse_blocks.sources import Query, open_source
from tests.sqlite_tables import column, database


def _values(path: Path, kind: FieldType, sql: str = "select k, x from t") -> list[Any]:
    columns = (column("k", "int"), column("x", kind))
    found = open_source(Datasource(f"sqlite:///{path}")).stream(
        Query(datasource="t", sql=sql, columns=columns, key=("k",))
    )
    return list(pa.Table.from_batches(found.batches).column("x").to_pylist())


@pytest.mark.parametrize("declared", ["real", "integer", "numeric", "text", "", "blob"])
@pytest.mark.parametrize("lead", [None, 3, "4.5"])
def test_real_after_a_batch_of_others(tmp_path: Path, declared: str, lead: object) -> None:
    """Whatever the first 10,000 values are (nulls, whole numbers, digits as text), later reals are exact."""
    cells = [(key, lead) for key in range(10_000)] + [(10_000, 0.1 + 0.2), (10_001, None), (10_002, 7)]
    path = database(tmp_path, f"k integer, x {declared}", cells)
    values = _values(path, "float")
    assert values[0] == (None if lead is None else float(str(lead)))
    assert values[10_001:] == [None, 7.0]
    if declared != "text":  # SQLite itself keeps 15 digits of a real number that is stored as text
        assert values[10_000] == 0.1 + 0.2


@pytest.mark.parametrize("declared", ["real", "integer", "numeric", "text", ""])
def test_whole_numbers(tmp_path: Path, declared: str) -> None:
    """Large whole numbers are exact where they are stored as such, and 3.0 is the whole number 3."""
    large = 2**62 + 1 if declared != "real" else 2**40 + 1
    path = database(
        tmp_path, f"k integer, x {declared}", [(1, large), (2, 3.0 if declared != "text" else "3"), (3, None)]
    )
    assert _values(path, "int") == [large, 3, None]


@pytest.mark.parametrize("declared", ["integer", "boolean", "text", ""])
def test_booleans(tmp_path: Path, declared: str) -> None:
    """0 and 1 are booleans."""
    path = database(tmp_path, f"k integer, x {declared}", [(1, 0), (2, 1), (3, None)])
    assert _values(path, "bool") == [False, True, None]


def test_strings(tmp_path: Path) -> None:
    """A number in a column of strings becomes its digits."""
    path = database(tmp_path, "k integer, x", [(1, 7), (2, "007"), (3, None), (4, "é😀")])
    assert _values(path, "string") == ["7", "007", None, "é😀"]


@pytest.mark.parametrize("declared", ["real", "numeric", "integer", ""])
@pytest.mark.parametrize("key", [True, False])
def test_digits_of_reals_as_strings(tmp_path: Path, declared: str, key: bool) -> None:
    """No digit of a number is lost where the protocol reads it as text, be it a key or not."""
    reals = [1234567890.5 + number for number in range(6)] + [0.1 + 0.2, 1e20, -2.5]
    path = database(tmp_path, f"k integer, x {declared}", list(enumerate(reals)))
    columns = (column("x", "string"), column("k", "int"))
    asked = Query(
        datasource="t",
        sql="select * from t",
        columns=columns if key else columns[::-1],
        key=("x" if key else "k",),
    )
    found = open_source(Datasource(f"sqlite:///{path}")).stream(asked)
    values = pa.Table.from_batches(found.batches).column("x").to_pylist()
    texts = pa.array(reals).cast(pa.string()).to_pylist()
    assert values == (sorted(texts) if key else texts)


@pytest.mark.parametrize("declared", ["real", "numeric", ""])
def test_whole_reals_as_strings(tmp_path: Path, declared: str) -> None:
    """A whole number is written the same, whether SQLite keeps it as a real or as an integer."""
    path = database(tmp_path, f"k integer, x {declared}", [(1, 1234567890.0), (2, 1234567891), (3, None)])
    assert _values(path, "string") == ["1234567890", "1234567891", None]


@pytest.mark.parametrize(
    ("declared", "kind", "value"),
    [
        ("real", "float", "abc"),
        ("integer", "float", "abc"),
        ("text", "float", "abc"),
        ("", "float", "abc"),
        ("text", "float", ""),
        ("", "float", b"\xff"),
        ("integer", "int", 2.5),
        ("real", "int", 2.5),
        ("", "int", 2.5),
        ("", "int", "2.5"),
        ("integer", "int", "abc"),
        ("integer", "bool", 2),
        ("", "bool", -1),
        ("", "bool", "maybe"),
        ("text", "timestamp", "tomorrow"),
        ("text", "timestamp", "2026-13-01"),
        ("text", "timestamp", "1767312000"),
        ("integer", "timestamp", 1767312000_000_000),
        ("", "timestamp", 1.5),
        ("text", "date", "01.02.2026"),
        ("", "string", b"\xff\xfe"),
    ],
)
@pytest.mark.parametrize("row", [5, 9_500])
def test_misfits_are_named(tmp_path: Path, declared: str, kind: FieldType, value: object, row: int) -> None:
    """A value that its column cannot hold is never turned into another: column, key and value are named."""
    good = {"float": 1, "int": 1, "bool": 1, "timestamp": "2026-01-01", "date": "2026-01-01", "string": "a"}[
        kind
    ]
    if declared == "integer" and kind == "timestamp":
        good = 1767312000
    cells = [(key, value if key == row else good) for key in range(10_000)]
    path = database(tmp_path, f"k integer, x {declared}", cells)
    with pytest.raises(
        PulseError, match=f"column x holds .* in the row k={row}, which is no {kind}"
    ) as caught:
        _values(path, kind)
    assert caught.value.code == "source.value"


def test_no_query_changes_the_file(tmp_path: Path) -> None:
    """Neither the query nor reading it leaves a trace in the file, or a file beside it."""
    path = database(tmp_path, "k integer, x real", [(1, 1.0)])
    before = path.read_bytes()
    for sql in (
        "delete from t",
        "select 1 as k, 2 as x); drop table t; --",
        "insert into t values (2, 2) returning *",
    ):
        with pytest.raises(PulseError):
            _values(path, "float", sql)
    assert _values(path, "float") == [1.0]
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_missing_file(tmp_path: Path) -> None:
    """A file that is not there is named, and not made."""
    path = tmp_path / "nothing.db"
    with pytest.raises(PulseError, match=r"nothing\.db") as caught:
        _values(path, "float")
    assert caught.value.code == "source.missing"
    assert not path.exists()


def test_no_database(tmp_path: Path) -> None:
    """A file of another kind is refused by a sentence, in stream and in test."""
    path = tmp_path / "data.db"
    path.write_bytes(b"x" * 5000)
    for call in (lambda: _values(path, "float"), lambda: open_source(Datasource(f"sqlite:///{path}")).test()):
        with pytest.raises(PulseError, match="no sound SQLite database") as caught:
            call()
        assert caught.value.code == "source.unreadable"


def test_names_need_no_care(tmp_path: Path) -> None:
    """Column names may be anything, keywords and quotes included."""
    path = database(tmp_path, 'k integer, "select ""x"" --" real', [(1, 2.0)])
    name = 'select "x" --'
    query = Query(
        datasource="t",
        sql="select * from t",
        columns=(column("k", "int"), column(name, "float")),
        key=("k",),
    )
    found = open_source(Datasource(f"sqlite:///{path}")).stream(query)
    assert pa.Table.from_batches(found.batches).column(name).to_pylist() == [2.0]


def test_special_floats(tmp_path: Path) -> None:
    """Infinity is kept for validation to judge; -0.0 is 0.0, so that it makes no other snapshot."""
    path = database(tmp_path, "k integer, x real", [(1, float("inf")), (2, -0.0), (3, float("nan"))])
    assert [str(value) for value in _values(path, "float")] == ["inf", "0.0", "None"]


def test_path_of_any_name(tmp_path: Path) -> None:
    """A path with characters that mean something in a URL is a path."""
    folder = tmp_path / "a b?mode=rw#c%20"
    folder.mkdir()
    assert _values(database(folder, "k integer, x real", [(1, 1.5)]), "float") == [1.5]


def test_locked_file(tmp_path: Path) -> None:
    """A file that another process is changing is out of reach for now: callers may try again."""
    path = database(tmp_path, "k integer, x real", [(1, 1.0)])
    # Another process, since one process's locks do not keep itself out.
    code = "import sqlite3, sys; d=sqlite3.connect(sys.argv[1]); d.execute('begin exclusive'); print(flush=1); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(UnavailableError, match=r"data\.db") as caught:
            _values(path, "float")
        other.kill()
    assert caught.value.code == "source.locked"
    assert _values(path, "float") == [1.0]
