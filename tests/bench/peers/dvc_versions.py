"""Versions of one file under DVC: ``add`` and ``commit`` of each file of a list, in one repository without Git."""

# ruff: noqa: T201  it prints what it measured
from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path


def main(folder: str, *files: str) -> None:
    """Print for each file the seconds of add and commit (imports not counted) and the bytes that the cache grew by."""
    from dvc.repo import Repo

    root = Path(folder)
    root.mkdir(parents=True)
    os.chdir(root)
    repo = Repo.init(no_scm=True)
    found, held = [], _size(root)
    for file in files:
        (root / "data.parquet").unlink(missing_ok=True)
        shutil.copyfile(file, root / "data.parquet")
        started = time.perf_counter()
        repo.add("data.parquet")
        added = time.perf_counter()
        repo.commit("data.parquet.dvc", force=True)
        done = time.perf_counter()
        size = _size(root)
        found.append({"add": added - started, "commit": done - added, "new_bytes": size - held})
        held = size
    print(json.dumps({"versions": found}))


def _size(root: Path) -> int:
    return sum(path.stat().st_size for path in (root / ".dvc" / "cache").rglob("*") if path.is_file())


if __name__ == "__main__":
    main(*sys.argv[1:])
