"""Ways to train, each in a process of its own (see ``training_once``), as often as asked for and in turn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.bench.processes import RUNS, Figures, measured


def in_turn(ways: Sequence[str], folder: Path) -> dict[str, list[Figures]]:
    """Each way as often as ``RUNS`` says, one after the other."""
    found: dict[str, list[Figures]] = {way: [] for way in ways}
    for _ in range(RUNS):
        for way in ways:
            found[way].append(once(way, folder))
    return found


def once(way: str, folder: Path) -> Figures:
    """One way: seconds, CPU seconds, peak memory, and what it gives. ``make`` fills the folder first."""
    return measured("tests.bench.training_once", way, folder)
