"""Validation of 1,247,832 x 30 with table-wide checks, beside Pandera on pandas 3 and Great Expectations.

All begin with data on disk and end with every row that breaks a rule: a snapshot for Pulse, whose chunks are
hash-checked, one Parquet file for the peers. About one row in 2,000 is broken, and the failure cases are compared.
Three runs in turn.
"""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.peer_environments import python
from tests.bench.processes import ROWS, RUNS, Figures, judged, load_average, measured, median
from tests.bench.transactions_file import protocol, write_file

if TYPE_CHECKING:
    import pyarrow as pa

PEERS = (
    ("Pandera on pandas 3", "pandera_validation", "pandera-pandas"),
    ("Great Expectations", "gx_validation", "great-expectations"),
)


def main() -> None:
    """Print the table, and whether all found the same."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        file, rules = folder / "transactions.parquet", folder / "rules.json"
        write_file(file, ROWS, _broken)
        rules.write_text(json.dumps(_rules(file)))
        measured("tests.bench.snapshot_once", file, folder / "store")
        runs: dict[str, list[Figures]] = {"Pulse": [], **{name: [] for name, _, _ in PEERS}}
        for _ in range(RUNS):
            runs["Pulse"].append(
                measured("tests.bench.validation_once", folder / "store", file, folder / "Pulse")
            )
            for name, module, pins in PEERS:
                peer = f"tests.bench.peers.{module}"
                runs[name].append(measured(peer, file, rules, folder / name, python=python(pins)))
        found = {name: set((folder / name).read_text().splitlines()) for name in runs}
    _print(runs, found)


def _print(runs: dict[str, list[Figures]], found: dict[str, set[str]]) -> None:
    print(f"{ROWS:,} rows, medians of {RUNS} runs in turn, load average {load_average()}")
    for name, figures in runs.items():
        seconds, read, cpu, peak = (median(figures, key) for key in ("seconds", "read", "cpu", "peak_mb"))
        print(
            f"  {name:20} {seconds:7.2f} s ({read:.2f} of it reading; {cpu:.2f} of CPU) {peak:6.0f} MB peak, "
            f"{len(found[name]):,} failure cases"
        )
    ours = runs["Pulse"]
    for name, times in (("Pandera on pandas 3", 1.0), ("Great Expectations", 30.0)):
        ratio = median(runs[name], "seconds") / median(ours, "seconds")
        judged(f"times as fast as {name}", ratio, "", times, least=True)
    memory = median(ours, "peak_mb") / median(runs["Pandera on pandas 3"], "peak_mb")
    judged("memory, in that of Pandera on pandas 3", memory, "", 0.4)
    for name in (name for name in runs if name != "Pulse"):
        same = "the same failure cases" if found[name] == found["Pulse"] else _differences(found, name)
        print(f"  {name}: {same}")


def _differences(found: dict[str, set[str]], name: str) -> str:
    more, less = sorted(found[name] - found["Pulse"]), sorted(found["Pulse"] - found[name])
    return f"DIFFERENT: {len(more)} more ({', '.join(more[:3])}), {len(less)} fewer ({', '.join(less[:3])})"


def _rules(file: Path) -> dict[str, object]:
    """The protocol's rules on rows, as peers without Pulse can read them."""
    contract = protocol(str(file))
    columns = {
        name: {"ge": field.ge, "le": field.le, "values": field.values, "nullable": field.nullable}
        for name, field in {**contract.features, **contract.columns}.items()
    }
    return {"columns": columns, "unique": "transaction_id", "rows": 1000}


def _broken(rows: pa.Table) -> pa.Table:
    """Some rows of each kind that break a rule; the last ones are there twice."""
    import numpy as np
    import pyarrow as pa

    draw = np.random.default_rng(0)
    count = max(rows.num_rows // 10_000, 3)

    def put(name: str, value: object) -> None:
        nonlocal rows
        column = rows.column(name)
        mask = np.zeros(rows.num_rows, np.bool_)
        mask[draw.choice(rows.num_rows, count, replace=False)] = True
        changed = pa.compute.if_else(pa.array(mask), pa.scalar(value, column.type), column)
        rows = rows.set_column(rows.schema.get_field_index(name), name, changed)

    for name, value in (
        ("amount", -1.0),
        ("ip_risk", 1.5),
        ("velocity_1h", None),
        ("country", "XX"),
        ("hour", 24),
    ):
        put(name, value)
    return pa.concat_tables([rows, rows.slice(rows.num_rows - count)])
