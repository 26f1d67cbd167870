"""Blocks of a snapshot: the rows that are asked for, in whatever order, with the next chunk decoded meanwhile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.columns import features
from pulse_blocks.records import Snapshot
from pulse_blocks.snapshots.layout import chunk_key
from pulse_blocks.snapshots.reading import tables
from pulse_blocks.stores import Store, open_store
from pulse_blocks.training import blocks
from pulse_blocks.training.blocks import Blocks
from pulse_blocks.training.encoding import matrix
from tests import small_data

ROWS = 60_000
COLUMNS = features(small_data.protocol())


@pytest.fixture
def taken(tmp_path: Path) -> tuple[Store, Snapshot]:
    """A snapshot of several chunks."""
    store = open_store(str(tmp_path / "store"))
    snapshot = small_data.snapshot_of(store, small_data.protocol(), small_data.columns(ROWS))
    assert len(snapshot.chunks) >= 4
    return store, snapshot


@pytest.mark.parametrize("kept", [0, blocks.KEPT_BYTES])
def test_any_rows_in_any_order(
    taken: tuple[Store, Snapshot], kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Walks to the end, walks that are broken off, and chunks out of turn all give the rows as they are."""
    monkeypatch.setattr(blocks, "KEPT_BYTES", kept)
    store, snapshot = taken
    whole = np.concatenate([matrix(table, COLUMNS) for table in tables(store, snapshot)])
    found, draw = Blocks(store, snapshot.chunks, COLUMNS), np.random.default_rng(3)
    for _ in range(5):
        rows = np.flatnonzero(draw.random(ROWS) < 0.3)
        np.testing.assert_array_equal(np.concatenate(list(found.walk(rows))), whole[rows])
        first = next(found.walk(rows))
        np.testing.assert_array_equal(first, whole[rows[: len(first)]])
    starts = np.cumsum([0, *(chunk.rows for chunk in snapshot.chunks)])
    for number, then in ((2, 0), (1, 3), (0, None), (3, 3), (3, 0), (0, 1)):
        block = whole[starts[number] : starts[number + 1]]
        np.testing.assert_array_equal(found.block(number, then), block)


def test_a_damaged_chunk_is_told_when_its_turn_comes(
    taken: tuple[Store, Snapshot], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is decoded ahead is verified as well: the chunks before are given, the error is that of reading it."""
    monkeypatch.setattr(blocks, "KEPT_BYTES", 0)
    store, snapshot = taken
    key = chunk_key(snapshot.chunks[1].sha256)
    file = Path(store.locate(key).removeprefix("file://"))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.chmod(0o644)
    file.write_bytes(data)
    walk = Blocks(store, snapshot.chunks, COLUMNS).walk(np.arange(ROWS))
    assert len(next(walk)) == snapshot.chunks[0].rows
    with pytest.raises(PulseError) as error:
        next(walk)
    assert error.value.code == "snapshot.chunk_corrupt"
