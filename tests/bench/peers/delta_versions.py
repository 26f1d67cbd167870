"""Versions of one table in Delta Lake, first told nothing (each version overwrites), then told which rows changed."""

# ruff: noqa: T201  it prints what it measured
from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

KEY = "transaction_id"


def main(folder: str, first: str, *changes: str) -> None:
    """Print for each change (``name=file``) the bytes that the table's folder grew by, told nothing and told all."""
    import pyarrow.parquet as pq
    from deltalake import DeltaTable, write_deltalake

    before = pq.read_table(first)
    found: dict[str, dict[str, int]] = {}
    for change in changes:
        name, _, file = change.partition("=")
        after = pq.read_table(file)
        grown = {}
        for way in ("nothing", "all"):
            table = Path(folder) / f"{name}-{way}"
            write_deltalake(str(table), before)
            held = _size(table)
            if way == "nothing":
                write_deltalake(str(table), after, mode="overwrite")
            else:
                _told(DeltaTable(str(table)), before, after)
            grown[way] = _size(table) - held
        found[name] = grown
    first_table = Path(folder) / "first"
    write_deltalake(str(first_table), before)
    print(json.dumps({"first": _size(first_table), "changes": found}))


def _told(table: Any, before: Any, after: Any) -> None:
    """Rows that went are deleted, those that came appended, those with other values merged, by their key."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from deltalake import write_deltalake

    gone = before.filter(pc.invert(pc.is_in(before[KEY], after[KEY])))
    come = after.filter(pc.invert(pc.is_in(after[KEY], before[KEY])))
    if gone.num_rows:
        table.delete(f"{KEY} in ({', '.join(map(str, gone[KEY].to_pylist()))})")
    if come.num_rows:
        write_deltalake(table, come, mode="append")
    if before.num_rows == after.num_rows and not gone.num_rows:
        same = [pc.equal(before[name], after[name]).fill_null(True) for name in before.column_names]
        other = after.filter(pc.invert(pa.chunked_array(_all(same))))
        if other.num_rows:
            merge = table.merge(other, f"t.{KEY} = s.{KEY}", source_alias="s", target_alias="t")
            merge.when_matched_update_all().execute()


def _all(columns: list[Any]) -> list[Any]:
    import pyarrow.compute as pc

    total = columns[0]
    for column in columns[1:]:
        total = pc.and_(total, column)
    return total.chunks


def _size(root: Path) -> int:
    return sum(path.stat().st_size for path in root.rglob("*.parquet"))


if __name__ == "__main__":
    main(*sys.argv[1:])
