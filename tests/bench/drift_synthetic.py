"""Windows whose answer is known: independent rows without drift, and with a shift of known size."""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from pulse_blocks.sketches.calibration import calibrate
from pulse_blocks.sketches.distances import Reference
from pulse_blocks.sketches.reference import chance
from tests.bench.ratios import against

FEATURES, CATEGORICAL, REFERENCE = 20, 5, 10_000
SIZES = (100, 300, 1_000, 3_000, 10_000)
SHIFTS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1.0)
_PICTURE = Path(__file__).parents[2] / "docs" / "images" / "drift-power.svg"
_CALM_WINDOWS, _CALM_ROWS, _SHARE = 12, 2_000, 0.2
_RANDOM_WINDOWS, _RANDOM_ROWS, _RANDOM_REFERENCE = 200, 500, 2_000


class World:
    """Fifteen numbers of three shapes and five categories, none of which hangs together with another."""

    def __init__(self, seed: int) -> None:
        """Draw a reference and calibrate on calm windows, as training does."""
        self._draw = np.random.default_rng(seed)
        reference = self.rows(REFERENCE)
        self._references = [self._reference(values, at) for at, values in enumerate(reference.T)]
        small = [self._reference(values[:_RANDOM_REFERENCE], at) for at, values in enumerate(reference.T)]
        calm = np.array(
            [self._distances(self.rows(_CALM_ROWS), self._references) for _ in range(_CALM_WINDOWS)]
        )
        random = np.array([self._distances(self.rows(_RANDOM_ROWS), small) for _ in range(_RANDOM_WINDOWS)])
        weights = np.full(FEATURES, 1 / FEATURES)
        found = calibrate(calm.T, random.T, weights, _SHARE)
        self._thresholds = found.thresholds
        self._noise = found.noise / chance("wasserstein", _RANDOM_ROWS, _RANDOM_REFERENCE)

    def rows(self, count: int, shift: float = 0.0, shifted: int = 0) -> np.ndarray:
        """Independent rows; the first ``shifted`` features are ``shift`` standard deviations off."""
        numbers = FEATURES - CATEGORICAL
        found = np.empty((count, FEATURES))
        for at in range(numbers):
            match at % 3:
                case 0:
                    found[:, at] = self._draw.normal(size=count)
                case 1:
                    found[:, at] = self._draw.exponential(size=count)
                case _:
                    found[:, at] = self._draw.uniform(-1.732, 1.732, count)
        found[:, numbers:] = self._draw.integers(0, 12, (count, CATEGORICAL))
        found[:, :shifted] += shift
        return found

    def drifted(self, window: np.ndarray) -> bool:
        """The verdict on a window."""
        more = chance("wasserstein", len(window), REFERENCE) - chance("wasserstein", _CALM_ROWS, REFERENCE)
        thresholds = self._thresholds + self._noise * max(0.0, more)
        return bool((self._distances(window, self._references) >= thresholds).mean() >= _SHARE)

    def _reference(self, values: np.ndarray, at: int) -> tuple[Reference, str]:
        categorical = at >= FEATURES - CATEGORICAL
        method = "jensenshannon" if categorical else "wasserstein"
        return Reference(np.sort(values), categorical=categorical), method

    def _distances(self, window: np.ndarray, references: list[tuple[Reference, str]]) -> np.ndarray:
        return np.array(
            [one.distance(method, values) for (one, method), values in zip(references, window.T, strict=True)]
        )


def false_alarms(windows: int, worlds: int = 10) -> dict[int, tuple[int, int]]:
    """By the number of rows: windows without drift that were called drifted, of how many."""
    found = dict.fromkeys(SIZES, (0, 0))
    for seed in range(worlds):
        world = World(seed)
        for size in SIZES:
            count = windows // worlds // len(SIZES)
            wrong = sum(world.drifted(world.rows(size)) for _ in range(count))
            found[size] = found[size][0] + wrong, found[size][1] + count
    return found


def power(shifts: tuple[float, ...], windows: int = 40) -> dict[int, list[float]]:
    """By the number of rows: the share of windows found in which five of twenty features are ``shift`` off."""
    world = World(1)
    return {
        size: [
            float(np.mean([world.drifted(world.rows(size, shift, 5)) for _ in range(windows)]))
            for shift in shifts
        ]
        for size in SIZES
    }


def tables() -> None:
    """False alarms over 1,000 windows, and power; the picture too where ``BENCH_PICTURES`` is set."""
    found = false_alarms(1_000)
    print("windows of independent rows without drift, called drifted:")
    print(", ".join(f"{wrong} of {count} with {size:,} rows" for size, (wrong, count) in found.items()))
    wrong, count = (sum(pair[at] for pair in found.values()) for at in (0, 1))
    print(against(f"in all {wrong} of {count}, percent", 100 * wrong / count, 1.0))
    print("\nfound, of 40 windows in which five of twenty features are off by so many standard deviations:\n")
    print("| rows | " + " | ".join(f"{shift:g}" for shift in SHIFTS) + " |\n|--:|" + "--:|" * len(SHIFTS))
    curves = power(SHIFTS)
    for size, shares in curves.items():
        print(f"| {size:,} | " + " | ".join(f"{share:.0%}" for share in shares) + " |")
    if os.environ.get("BENCH_PICTURES"):
        picture(curves)


def picture(curves: dict[int, list[float]]) -> None:
    """Power over the size of the shift, a line for each number of rows."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "pulse"
    figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
    for at, (size, shares) in enumerate(curves.items()):
        color = plt.get_cmap("viridis")(at / len(curves))
        axes.plot(
            SHIFTS, [100 * share for share in shares], marker="o", ms=4, color=color, label=f"{size:,} rows"
        )
    axes.set_xscale("log")
    axes.set_xticks(SHIFTS, [f"{shift:g}" for shift in SHIFTS])
    axes.minorticks_off()
    axes.set_xlabel("shift of five of twenty features, standard deviations")
    axes.set_ylabel("windows found, %")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(_PICTURE, metadata={"Date": None})
