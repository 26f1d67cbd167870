"""Files: which a query may read, and of which types a CSV file is."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.columns import ColumnSpec
from pulse_blocks.protocol.spec import FieldSpec
from pulse_blocks.settings import Datasource
from pulse_blocks.sources import Query, open_source
from pulse_blocks.stores.s3_files import as_expression


def _query(sql: str) -> Query:
    columns = tuple(
        ColumnSpec(name=name, role="column", field=FieldSpec(type="string")) for name in ("k", "x")
    )
    return Query(datasource="t", sql=sql, columns=columns, key=("k",))


@pytest.mark.parametrize("ending", ["parquet", "csv"])
@pytest.mark.parametrize(
    "sql",
    [
        "select * from {other}",
        "select * from t where x in (select x from {other})",
        "with u as (select * from {other}) select t.* from t join u using (k)",
        "select * from t union all select * from {other}",
    ],
)
def test_no_query_reads_another_file(tmp_path: Path, ending: str, sql: str) -> None:
    """A snapshot under a datasource's name holds rows of that datasource, and a look at it shows no others."""
    for name in ("t", "other"):
        frame = pl.DataFrame({"k": ["a", "b"], "x": [name, "both"]})
        frame.write_parquet(tmp_path / f"{name}.parquet")
        frame.write_csv(tmp_path / f"{name}.csv")
    source = open_source(Datasource(str(tmp_path / f"t.{ending}")))
    asked = _query(sql.format(other=f"read_{ending}('{tmp_path / 'other'}.{ending}')"))
    for ask in (lambda: source.stream(asked), lambda: source.peek(asked, 5)):
        with pytest.raises(PulseError, match="another file") as caught:
            ask()
        assert caught.value.code == "source.query"
    joined = source.stream(_query("select k, 'Parquet SCAN [x]' as x from t where k in (select k from t)"))
    assert sum(batch.num_rows for batch in joined.batches) == 2


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        ("select k, zip as x from t", ["007", "010"]),
        ("select k, version as x from t", ["1.10", "1.5"]),
        ("with u as (select k, zip as z from t) select k, z as x from u", ["007", "010"]),
        ("select k, coalesce(zip, zip) as x from t where n < 3 and n + 1 > 1", ["007", "010"]),
        ("select k, n as x from t order by n", ["1", "2"]),
        ("select k, n * 100 + zip as x from t", ["107", "210"]),
    ],
)
def test_codes_of_a_csv_file_under_another_name(tmp_path: Path, sql: str, values: list[str]) -> None:
    """Digits that the query gives as a column of strings are those of the file; with numbers it can still reckon."""
    (tmp_path / "t.csv").write_text("k,zip,version,n\na,007,1.10,1\nb,010,1.5,2\n")
    found = open_source(Datasource(str(tmp_path / "t.csv"))).stream(_query(sql))
    assert [value for batch in found.batches for value in batch.column("x").to_pylist()] == values


def test_a_time_zone_that_nobody_knows(tmp_path: Path) -> None:
    """It is the file's fault, in a sentence, and no bug of the library that reads it."""
    table = pa.table({"k": ["a"], "x": pa.array([0], pa.timestamp("us", "Nowhere/Bad"))})
    pq.write_table(table, tmp_path / "t.parquet")
    source = open_source(Datasource(str(tmp_path / "t.parquet")))
    for ask in (source.test, lambda: source.stream(_query("select * from t"))):
        with pytest.raises(PulseError, match="Nowhere/Bad") as caught:
            ask()
        assert caught.value.code == "source.unreadable"


@pytest.mark.parametrize(
    "pattern",
    ["*.csv", "**/*.csv", "**.csv", "s**/*.csv", "*/*.csv", "s/**.csv", "**/.*.csv", ".x/*.csv", "[2013]/d.csv",
     "[2013]/*.csv", "**/t/*.csv", "s/a*z.csv"],
)  # fmt: skip
def test_a_pattern_means_the_same_on_disk_and_in_a_bucket(tmp_path: Path, pattern: str) -> None:
    """One star stays in a folder, two as a whole name cross folders, none takes names that begin with a dot."""
    names = [
        "a.csv",
        "s/b.csv",
        "s/t/c.csv",
        "s/abz.csv",
        ".h.csv",
        "s/.h.csv",
        ".x/d.csv",
        "[2013]/d.csv",
        "2/d.csv",
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"k,x\n{name},1\n")
    fits = re.compile(as_expression(pattern))
    found = open_source(Datasource(str(tmp_path / pattern))).stream(_query("select * from t"))
    on_disk = [value for batch in found.batches for value in batch.column("k").to_pylist()]
    assert on_disk == sorted(name for name in names if fits.fullmatch(name))
