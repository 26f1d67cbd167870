"""What a training run takes, from its snapshot's manifest and its protocol alone: memory, time, and a plan.

The model is written down in docs/training.md; its factors are fitted to what tests/bench/sizing.py measures. The
prediction stays above every measurement by its margin, and within 30 % of it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from pulse_blocks.protocol.columns import features
from pulse_blocks.protocol.lightgbm_params import resolve
from pulse_blocks.protocol.spec import Protocol, seconds
from pulse_blocks.records import Record, Snapshot

MIB, GIB = 2**20, 2**30
# What the training process has loaded before it has seen a row: LightGBM, scikit-learn, Arrow.
_BASE = 215 * MIB
_MARGIN = 1.10
# LightGBM looks at so many rows to choose its bins. Data that take so much decoded are kept, of others one chunk.
_SAMPLE_ROWS, _KEPT = 200_000, 64 * MIB
_CHUNK_ROWS, _DECODING = 16_384, 8 * MIB
# Drift is calibrated on so many rows of the sample and of each calm window, of which there are at most so many; without
# times, and where the data are shorter than three windows, so many.
_CALM_ROWS, _WINDOWS, _TIMELESS, _SHORT = 10_000, 30, 12, 4
_LEAF_BYTES = 105
# A machine that a container platform still gives as a matter of course.
LARGEST = 64 * GIB
_STEP = 512 * MIB
_CORES = (1, 2, 4, 8, 16)
_WANTED_SECONDS = 600.0
# Each further core brings so much of a first one.
_EFFICIENCY = 0.8


class Size(Record, frozen=True, kw_only=True):
    """The predicted peak of resident memory (bytes), by what it is for, and processor seconds on one core."""

    memory: int
    parts: dict[str, int]
    cpu_seconds: float


class Plan(Record, frozen=True, kw_only=True):
    """What to train with, and why. ``memory`` is written as in a protocol; ``seconds`` is an estimate."""

    protocol: str
    snapshot: str
    rows: int
    features: int
    cpu: int
    memory: str
    workers: int
    predicted_memory: int
    seconds: float
    reasons: tuple[str, ...]


def predicted(protocol: Protocol, snapshot: Snapshot) -> Size:
    """Memory and time of training on ``snapshot`` in one process."""
    rows, count = snapshot.rows, len(features(protocol))
    trees = protocol.training.rounds * _classes(protocol)
    leaves = max(_possible(protocol, "num_leaves", 31))
    grown = min(leaves, rows // max(min(_possible(protocol, "min_data_in_leaf", 20)), 1) + 1)
    bins = max(_possible(protocol, "max_bin", 255)) + 1
    # With checkpoints scores are handed from stretch to stretch: those there were, what is added, and LightGBM's copy.
    score = 11 if protocol.training.checkpoint is None else 11 + 24
    parts = {
        "libraries": _BASE,
        "rows": rows * 54,
        "binned features": rows * count * (1 if bins <= 256 else 2),
        "sample for bins": int(1.3 * min(rows, _SAMPLE_ROWS) * count * 8),
        "decoded chunks": _decoded(rows * count * 8, min(rows, _CHUNK_ROWS) * count * 8),
        "scores": score * rows * _classes(protocol),
        "histograms": grown * count * bins * 16,
        "trees": 5 * trees * grown * _LEAF_BYTES,
        "drift calibration": 8 * count * (4 * min(rows, _CALM_ROWS) + 2 * _calm_rows(protocol, snapshot)),
    }
    million = rows * 1e-6
    return Size(
        memory=int(_MARGIN * sum(parts.values())),
        parts=parts,
        cpu_seconds=3.0
        + 0.28 * million * count
        + 5e-4 * million * count * trees
        + 4.6e-6 * trees * grown * count
        + 0.065 * million * trees,
    )


def plan(protocol: Protocol, snapshot: Snapshot) -> Plan:
    """The cores, memory and workers for training ``protocol`` on data such as ``snapshot``."""
    size = predicted(protocol, snapshot)
    cpu, took = _cpu(protocol, size)
    memory, workers = _memory(protocol, size)
    return Plan(
        protocol=protocol.name,
        snapshot=snapshot.id,
        rows=snapshot.rows,
        features=len(features(protocol)),
        cpu=cpu,
        memory=memory,
        workers=workers,
        predicted_memory=size.memory,
        seconds=round(took, 1),
        reasons=tuple(_reasons(protocol, snapshot, size, cpu, took, memory, workers)),
    )


def _cpu(protocol: Protocol, size: Size) -> tuple[int, float]:
    asked = protocol.training.resources.cpu
    choices = (asked,) if isinstance(asked, int) else _CORES
    for cores in choices:
        took = size.cpu_seconds / (1 + _EFFICIENCY * (cores - 1))
        if took <= _WANTED_SECONDS:
            break
    return cores, took


def _memory(protocol: Protocol, size: Size) -> tuple[str, int]:
    """Memory of each worker in whole steps of 512 MiB, and how many workers."""
    asked, workers = protocol.training.resources.memory, protocol.training.resources.workers
    count = workers if isinstance(workers, int) else -(-size.memory // LARGEST)
    if asked != "auto":
        return asked, count
    shared = _BASE + (size.memory - _BASE) / count
    return written(-(-int(shared) // _STEP) * _STEP), count


def _reasons(
    protocol: Protocol, snapshot: Snapshot, size: Size, cpu: int, took: float, memory: str, workers: int
) -> Iterator[str]:
    resources, count = protocol.training.resources, len(features(protocol))
    largest = sorted(size.parts, key=lambda name: -size.parts[name])[:3]
    shares = ", ".join(f"{name} {size.parts[name] // MIB:,} MiB" for name in largest)
    yield (
        f"{snapshot.id} has {snapshot.rows:,} rows, {count} features of {len(snapshot.columns)} columns; one process"
        f" is expected to reach {size.memory // MIB:,} MiB at most ({shares}, and 10 % to be safe)."
    )
    if resources.memory == "auto":
        yield f"memory {memory}: that in steps of 512 MiB."
    elif in_bytes(memory) * workers < size.memory:
        yield f"memory {memory}: the protocol says so, and it is less than what is expected: expect it to be killed."
    else:
        yield f"memory {memory}: the protocol says so, and it is enough."
    if resources.cpu == "auto":
        yield (
            f"cpu {cpu}: {size.cpu_seconds:,.0f} s of one core's work, about {took:,.0f} s on {cpu}; the fewest cores"
            f" that come below {_WANTED_SECONDS / 60:.0f} minutes, at most {_CORES[-1]}."
        )
    else:
        yield f"cpu {cpu}: the protocol says so; about {took:,.0f} s."
    if resources.workers != "auto":
        yield f"workers {workers}: the protocol says so."
    elif workers == 1:
        yield f"workers 1: one machine of up to {LARGEST // GIB} GiB holds it."
    else:
        yield f"workers {workers}: more than the {LARGEST // GIB} GiB that one machine is expected to have."
    if took > seconds(resources.timeout):
        yield f"It may not end within the timeout of {resources.timeout} (training.resources.timeout)."


def in_bytes(memory: str) -> int:
    """``8GiB`` and ``512MiB`` as bytes."""
    return int(memory[:-3]) * {"MiB": MIB, "GiB": GIB}[memory[-3:]]


def written(count: int) -> str:
    """Bytes in whole MiB as a protocol writes them."""
    return f"{count // GIB}GiB" if count % GIB == 0 else f"{count // MIB}MiB"


def _calm_rows(protocol: Protocol, snapshot: Snapshot) -> int:
    """Rows of all calm windows together, from the interval that the snapshot was asked for."""
    window, found = protocol.monitoring.window, snapshot.window
    length = (window.days or 0) * 86_400 + (window.hours or 0) * 3_600
    if window.rows is not None:
        count = snapshot.rows // window.rows
    elif protocol.source.time is None or found is None or not length:
        count = _TIMELESS
    else:
        start, end = (dt.datetime.fromisoformat(time) for time in (found.start, found.end))
        count = int((end - start).total_seconds()) // length
        count = count if count >= 3 else _SHORT
    return min(snapshot.rows, _CALM_ROWS * min(count, _WINDOWS))


def _decoded(all_rows: int, one_chunk: int) -> int:
    """Bytes of decoded features that are in memory at once."""
    return int(1.45 * all_rows) if all_rows <= _KEPT else _DECODING + int(1.45 * one_chunk)


def _classes(protocol: Protocol) -> int:
    """Trees in each round."""
    return len(protocol.target.values or ()) if protocol.task == "multiclass-classification" else 1


def _possible(protocol: Protocol, name: str, default: int) -> list[int]:
    """What a parameter of LightGBM may be, by any of its names: what is said, or the bounds of what is searched."""
    found: list[object] = [
        value for given, value in protocol.training.params.items() if resolve(given) == name
    ]
    for given, spec in protocol.training.search.ranges.items() if protocol.training.search else ():
        if resolve(given) == name:
            found += [*(spec.values or ()), spec.low, spec.high]
    return [int(value) for value in found if isinstance(value, int | float)] or [default]
