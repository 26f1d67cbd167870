"""What a version costs in Pulse, DVC and Delta Lake: new bytes for the same changes of the same table.

DVC keeps whole files. Delta is told nothing (it overwrites) or which rows changed (it deletes, appends and merges). One
seed; ``snapshots`` has the spread of Pulse's figures over many.
"""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.peer_environments import python
from tests.bench.processes import ROWS, measured
from tests.bench.transactions_file import table

if TYPE_CHECKING:
    import pyarrow as pa

KEY, EDITED = "transaction_id", "amount"


def main() -> None:
    """Print the table."""
    import pyarrow.parquet as pq

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        first = table(ROWS)
        files = {}
        for name, changed in {"first": first, **_changes(first)}.items():
            files[name] = folder / f"{name.replace(' ', '-')}.parquet"
            pq.write_table(changed, files[name])
        del first
        ours = {name: _pulse(folder / "stores" / str(at), files, name) for at, name in enumerate(files)}
        dvc = {name: _dvc(folder / "dvc" / str(at), files, name) for at, name in enumerate(files)}
        changes = [f"{name}={file}" for name, file in files.items() if name != "first"]
        delta = measured(
            "tests.bench.peers.delta_versions",
            folder / "delta",
            files["first"],
            *changes,
            python=python("deltalake"),
        )
    _print(ours, dvc, delta)


def _changes(first: pa.Table) -> dict[str, pa.Table]:
    """The same table again, and changed in four ways."""
    import numpy as np
    import pyarrow as pa

    draw = np.random.default_rng(0)
    rows = first.num_rows
    at = int(draw.integers(rows - 1000))
    more = first.slice(at, 1000)
    keys = pa.array(draw.choice(10**9, 1000, replace=False) + 10**9)
    more = more.set_column(more.schema.get_field_index(KEY), KEY, keys)
    edited = first.column(EDITED).to_numpy().copy()
    chosen = draw.choice(rows, max(rows // 1000, 1), replace=False)
    edited[chosen] += 1.0
    return {
        "unchanged": first,
        "1 % appended": table(rows + rows // 100),
        "one row deleted": pa.concat_tables([first.slice(0, at), first.slice(at + 1)]),
        "1,000 rows inserted": pa.concat_tables([first.slice(0, at), more, first.slice(at)]),
        "0.1 % of one column edited": first.set_column(
            first.schema.get_field_index(EDITED), EDITED, pa.array(edited)
        ),
    }


def _pulse(store: Path, files: dict[str, Path], name: str) -> int:
    """The bytes that the chunks of a version add to those of the first."""
    wanted = ["first"] if name == "first" else ["first", name]
    return [int(measured("tests.bench.snapshot_once", files[each], store)["new_bytes"]) for each in wanted][
        -1
    ]


def _dvc(folder: Path, files: dict[str, Path], name: str) -> int:
    wanted = [files["first"]] if name == "first" else [files["first"], files[name]]
    folder.parent.mkdir(exist_ok=True)
    found = measured("tests.bench.peers.dvc_versions", folder, *wanted, python=python("dvc"))
    return int(found["versions"][-1]["new_bytes"])


def _print(ours: dict[str, int], dvc: dict[str, int], delta: dict[str, Any]) -> None:
    """In MB, and as a share of each tool's own first version."""
    print(f"{ROWS:,} rows; new bytes of a version, and their share of the first")
    print(f"  {'':28} {'Pulse':>18} {'DVC':>18} {'Delta, overwrite':>18} {'Delta, told':>18}")
    for name, size in ours.items():
        told = delta["changes"].get(name, {"nothing": delta["first"], "all": delta["first"]})
        cells = (
            _cell(size, ours["first"]),
            _cell(dvc[name], dvc["first"]),
            _cell(told["nothing"], delta["first"]),
            _cell(told["all"], delta["first"]),
        )
        print(f"  {name:28} {' '.join(f'{cell:>18}' for cell in cells)}")


def _cell(size: int, first: int) -> str:
    return f"{size / 1e6:.1f} MB {100 * size / first:5.1f} %"
