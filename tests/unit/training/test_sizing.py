"""Sizing: never below what was measured, not far above it, and reasons in words."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Snapshot
from pulse_blocks.stores import open_store
from pulse_blocks.training.sizing import GIB, LARGEST, MIB, in_bytes, plan, predicted, written
from tests import small_data
from tests.bench.sizing import contract, window

# Size (rows x features x leaves x classes) and the peak in MiB that tests/bench/sizing.py measured.
MEASURED = [
    ("10000x10", 220),
    ("10000x100", 292),
    ("100000x10", 256),
    ("100000x30", 306),
    ("100000x100", 442),
    ("100000x30x31x5", 305),
    ("100000x30x255", 309),
    ("1000000x10", 315),
    ("1000000x30", 397),
    ("1000000x30x255", 407),
    ("12478320x27x63", 1487),  # by tests/bench/training_tenfold.py
]
# With more keys of training.
WITH_MORE = [
    ("600000x4x31x5", {"rounds": 10}, 337),
    ("600000x4x31x5", {"rounds": 10, "checkpoint": 4}, 408),
]


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    store = open_store(str(tmp_path_factory.mktemp("sizing") / "store"))
    return small_data.snapshot_of(store, small_data.protocol(), small_data.columns(500))


def of(snapshot: Snapshot, rows: int) -> Snapshot:
    return msgspec.structs.replace(snapshot, rows=rows)


def with_resources(**resources: Any) -> Protocol:
    training = {"params": {"num_leaf": 63}, "rounds": 200, "resources": resources}
    return small_data.protocol(training=training)


@pytest.mark.parametrize(("size", "peak"), MEASURED)
def test_between_what_was_measured_and_a_third_more(snapshot: Snapshot, size: str, peak: float) -> None:
    """A plan that is too small kills the run, one that is far too large is paid for."""
    rows, protocol = contract(size)
    ratio = (
        predicted(protocol, msgspec.structs.replace(of(snapshot, rows), window=window(rows))).memory
        / MIB
        / peak
    )
    assert 1.0 <= ratio <= 1.3


@pytest.mark.parametrize(("size", "more", "peak"), WITH_MORE)
def test_checkpoints_take_scores(snapshot: Snapshot, size: str, more: dict[str, int], peak: float) -> None:
    """What is handed from stretch to stretch is counted, for each class."""
    rows, protocol = contract(size)
    training = msgspec.structs.replace(protocol.training, **more)
    protocol = msgspec.structs.replace(protocol, training=training)
    given = msgspec.structs.replace(of(snapshot, rows), window=window(rows))
    assert 1.0 <= predicted(protocol, given).memory / MIB / peak <= 1.3


def test_a_search_is_sized_for_what_it_may_choose(snapshot: Snapshot) -> None:
    """The largest trees of a range take what the same trees take where params say them."""
    table = of(snapshot, 600_000)

    def memory(**training: Any) -> int:
        return predicted(small_data.protocol(training={"rounds": 20, **training}), table).memory

    fixed = memory(params={"num_leaves": 2047, "max_bin": 1023})
    ranges = {"max_leaves": {"low": 7, "high": 2047}, "max_bin": {"values": [63, 1023]}}
    assert memory(search={"ranges": ranges}) == fixed
    assert memory(params={}) < fixed


def test_more_of_anything_takes_more(snapshot: Snapshot) -> None:
    """Rows, leaves and rounds each take memory and time."""
    least = predicted(small_data.protocol(), of(snapshot, 10_000))
    for protocol, rows in (
        (small_data.protocol(), 20_000),
        (small_data.protocol(training={"rounds": 10, "params": {"max_leaves": 300}}), 10_000),
        (small_data.protocol(training={"rounds": 1000, "params": {"num_leaves": 7}}), 10_000),
    ):
        more = predicted(protocol, of(snapshot, rows))
        assert more.memory > least.memory
        assert more.cpu_seconds > least.cpu_seconds


def test_auto_is_decided_from_the_data(snapshot: Snapshot) -> None:
    """A small table gets one core and half a GiB; a huge one many, several workers, and a word on its timeout."""
    small = plan(with_resources(), snapshot)
    assert (small.cpu, small.memory, small.workers) == (1, "512MiB", 1)
    assert any("500 rows" in reason for reason in small.reasons)
    huge = plan(with_resources(timeout="1m"), of(snapshot, 3_000_000_000))
    assert huge.workers == -(-huge.predicted_memory // LARGEST) > 1
    assert in_bytes(huge.memory) <= LARGEST
    assert huge.cpu == 16
    assert "timeout" in huge.reasons[-1]


def test_what_the_protocol_says_holds(snapshot: Snapshot) -> None:
    """Given resources are taken as they are; too little memory is told."""
    given = plan(with_resources(cpu=3, memory="256MiB", workers=2), of(snapshot, 50_000_000))
    assert (given.cpu, given.memory, given.workers) == (3, "256MiB", 2)
    assert any("killed" in reason for reason in given.reasons)
    assert any("it is enough" in one for one in plan(with_resources(memory="8GiB"), snapshot).reasons)


def test_memory_as_a_protocol_writes_it() -> None:
    """Both ways."""
    assert (written(2 * GIB), written(1536 * MIB)) == ("2GiB", "1536MiB")
    assert in_bytes(written(1536 * MIB)) == 1536 * MIB


def test_longer_data_have_more_calm_windows(snapshot: Snapshot) -> None:
    """Drift is calibrated on windows as long as the monitoring's: at most thirty, of at most 10,000 rows each."""
    parts = [
        predicted(
            small_data.protocol(),
            msgspec.structs.replace(of(snapshot, 1_000_000), window=window(days * 86_400)),
        )
        for days in (7, 70, 700, 7000)
    ]
    grown = [one.parts["drift calibration"] for one in parts]
    assert grown[0] < grown[1] < grown[2] == grown[3]
