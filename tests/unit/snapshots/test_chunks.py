"""Where chunks end, and what an edit costs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.snapshots.borders import LEAST, MOST, row_hashes, splitmix64
from pulse_blocks.snapshots.writing import Written, write_chunks
from pulse_blocks.sources.base import Rows
from pulse_blocks.stores import open_store


def _rows(ids: np.ndarray, size: int = 8192) -> Rows:
    batch = pa.RecordBatch.from_pydict(
        {"id": ids, "value": ids * 0.5, "word": [f"w{i % 7}" for i in ids.tolist()]}
    )
    return Rows(batch.schema, (batch.slice(start, size) for start in range(0, len(batch), size)))


def _write(folder: Path, ids: np.ndarray) -> Written:
    return write_chunks(open_store(str(folder)), _rows(ids), ("id",))


def test_sizes(tmp_path: Path) -> None:
    """Chunks hold 8,000 to 16,000 rows on average and never more or less than the bounds."""
    written = _write(tmp_path, np.arange(600_000))
    sizes = [chunk.rows for chunk in written.chunks]
    assert written.rows == sum(sizes) == 600_000
    assert all(LEAST <= size <= MOST for size in sizes[:-1])
    assert 8_000 <= np.mean(sizes) <= 16_000


def test_again_costs_nothing(tmp_path: Path) -> None:
    """Unchanged data adds no bytes."""
    first, second = (_write(tmp_path, np.arange(100_000)) for _ in range(2))
    assert second.new_bytes == 0
    assert first.new_bytes == sum(chunk.bytes for chunk in first.chunks)
    assert (second.chunks, second.content) == (first.chunks, first.content)


@pytest.mark.parametrize("edit", ["append", "insert", "delete"])
def test_edits_cost_the_chunks_they_touch(tmp_path: Path, edit: str) -> None:
    """An append, an insert or a delete writes a few chunks anew, not the rest."""
    ids = np.arange(0, 800_000, 2)
    first = _write(tmp_path, ids)
    edited = {
        "append": np.append(ids, np.arange(800_000, 804_000)),
        "insert": np.insert(ids, 200_000, np.arange(400_000, 402_000)),
        "delete": np.delete(ids, 200_000),
    }[edit]
    second = _write(tmp_path, edited)
    assert second.content != first.content
    assert len({chunk.sha256 for chunk in second.chunks} - {chunk.sha256 for chunk in first.chunks}) <= 4
    assert second.new_bytes < 0.12 * first.new_bytes


def test_no_rows(tmp_path: Path) -> None:
    """No rows make no snapshot."""
    with pytest.raises(PulseError) as caught:
        _write(tmp_path, np.arange(0))
    assert caught.value.code == "snapshot.empty"


def test_a_failing_source_is_passed_on(tmp_path: Path) -> None:
    """An error in the middle of the stream ends the writing with that error."""

    def batches():  # noqa: ANN202 - a generator
        yield from _rows(np.arange(50_000)).batches
        raise PulseError("source.value", "broken here")

    with pytest.raises(PulseError, match="broken here"):
        write_chunks(open_store(str(tmp_path)), Rows(_rows(np.arange(1)).schema, batches()), ("id",))


def test_hashes_stay_what_they_are() -> None:
    """Borders are for ever: these hashes must not change with a library's version."""
    assert splitmix64(np.array([0], np.uint64)).tolist() == [0xE220A8397B1DCDAF]
    batch = pa.RecordBatch.from_pydict({"id": [7, None], "word": ["seven", None], "real": [7.0, None]})
    assert row_hashes(batch, ("id",)).tolist() == [7191089600892374487, 16294208416658607535]
    assert row_hashes(batch, ("word",)).tolist() == [1608853197128813417, 16294208416658607535]
    assert row_hashes(batch, ("id", "word", "real")).tolist()[0] == 14413518844047798626


def test_content_stays_what_it_is(tmp_path: Path) -> None:
    """So is the content hash: it may not depend on the versions of pyarrow or numpy."""
    assert (
        _write(tmp_path, np.arange(20_000)).content
        == "304cd800dcde22e1511ef9bc531f7b442f688a666e769e7ffeb6e4fbd36adea5"
    )
