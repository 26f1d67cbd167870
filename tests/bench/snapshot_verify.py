"""The speed of verifying a snapshot, and of plain sha256 over the same files, all of them in the page cache."""

# ruff: noqa: T201  it prints what it measured
from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pulse_blocks.snapshots.reading import all_snapshots, chunk_bytes
from pulse_blocks.snapshots.verify import verify
from pulse_blocks.stores import open_store


def main(folder: str) -> None:
    """Print MB/s of each."""
    store = open_store(folder)
    (snapshot,) = all_snapshots(store)
    files = list((Path(folder) / "chunks").rglob("*.parquet"))

    def plain() -> None:
        for file in files:
            hashlib.sha256(file.read_bytes()).hexdigest()

    def read() -> None:
        for chunk in snapshot.chunks:
            chunk_bytes(store, chunk)

    def whole() -> None:
        assert verify(store, snapshot).ok

    found = {}
    for name, work in (("plain", plain), ("read", read), ("verify", whole)):
        work()
        found[name] = snapshot.bytes / 1e6 / min(_seconds(work) for _ in range(3))
    print(json.dumps(found))


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main(*sys.argv[1:])
