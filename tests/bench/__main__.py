"""``python -m tests.bench [NAME...]``: every benchmark of this folder, or those that are named.

A benchmark is a module with a ``main()`` that prints what it measured, on this machine, in this run.
"""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import importlib
import os
import platform
import sys
import time
from pathlib import Path


def main(names: list[str]) -> int:
    """Run benchmarks one after the other. Returns the exit code."""
    files = Path(__file__).parent.glob("[a-z]*.py")
    known = sorted(path.stem for path in files if "\ndef main() -> None:" in path.read_text("utf-8"))
    if unknown := sorted(set(names) - set(known)):
        print(f"There is no benchmark {', '.join(unknown)}. There are: {', '.join(known)}.", file=sys.stderr)
        return 2
    print(f"Python {platform.python_version()} on {platform.machine()}, {cores()} cores")
    for name in names or known:
        module = importlib.import_module(f"tests.bench.{name}")
        title = (module.__doc__ or name).splitlines()[0]
        print(f"\n## {name}: {title}", flush=True)
        started = time.monotonic()
        module.main()
        print(f"({time.monotonic() - started:.0f} s)", flush=True)
    return 0


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
