"""Rows as numbers: 128 bits of the key and 64 of the rest, so that millions of rows can be compared in little memory.

Fingerprints live as long as one comparison. Two different keys of twenty-five million get the same one with a
probability of 1e-24.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulse_blocks.snapshots.borders import splitmix64, words

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    Hashes = np.ndarray[Any, np.dtype[np.uint64]]
    Rows = np.ndarray[Any, Any]

_SEEDS = (0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179)
_NULL = 0xD6E8FEB86659FD93
_PART_ROWS = 1_000_000
_MOST_PARTS = 256


def dtype() -> Any:
    """Of a row: its key's fingerprint in two words, its other columns' in one, and where it stands.

    ``at`` is the number of the chunk times 2^32 plus the row within it.
    """
    import numpy as np

    return np.dtype([("key1", "<u8"), ("key2", "<u8"), ("rest", "<u8"), ("at", "<u8")])


def fingerprints(table: pa.Table, key: Sequence[str], rest: Sequence[str], chunk: int) -> Rows:
    """The fingerprints of a chunk's rows, in their order."""
    import numpy as np

    rows = np.empty(table.num_rows, dtype())
    hashed = {name: _column(table.column(name).combine_chunks()) for name in dict.fromkeys([*key, *rest])}
    rows["key1"] = _mixed((hashed[name][0] for name in key), _SEEDS[0], table.num_rows)
    rows["key2"] = _mixed((hashed[name][1] for name in key), _SEEDS[1], table.num_rows)
    rows["rest"] = _mixed((hashed[name][0] for name in rest), _SEEDS[2], table.num_rows)
    rows["at"] = (np.uint64(chunk) << np.uint64(32)) + np.arange(table.num_rows, dtype=np.uint64)
    return rows


class Parts:
    """Fingerprints in files, parted by their key so that about a million rows come back at once."""

    def __init__(self, folder: Path, rows: int) -> None:
        self._folder = folder
        self.count = min(max(1, rows // _PART_ROWS), _MOST_PARTS)

    def add(self, side: str, rows: Rows) -> None:
        """Put some rows of a side away."""
        import numpy as np

        part = rows["key1"] % np.uint64(self.count)
        for number in range(self.count):
            with (self._folder / f"{side}-{number}").open("ab") as file:
                file.write(rows[part == number].tobytes())

    def read(self, side: str, part: int) -> Rows:
        """One part of a side."""
        import numpy as np

        path = self._folder / f"{side}-{part}"
        return np.fromfile(path, dtype()) if path.exists() else np.empty(0, dtype())


def _mixed(columns: Any, seed: int, rows: int) -> Hashes:
    import numpy as np

    mixed = np.full(rows, seed, np.uint64)
    for column in columns:
        mixed = splitmix64(mixed ^ column)
    return mixed


def _column(column: Any) -> tuple[Hashes, Hashes]:
    """Each value as two words, null as a number that hardly any value has.

    A string's are the halves of its 128-bit hash. Any other value has 64 bits and is both.
    """
    import numpy as np
    import pyarrow as pa

    if pa.types.is_string(column.type):
        encoded = column.dictionary_encode()
        if not len(encoded.dictionary):
            return (np.full(len(column), _NULL, np.uint64),) * 2
        at = np.asarray(encoded.indices.fill_null(0))
        first, second = _halves(encoded.dictionary)
        found = first[at], second[at]
    else:
        found = (words(column),) * 2
    if not column.null_count:
        return found
    valid = np.asarray(column.is_valid())
    return np.where(valid, found[0], np.uint64(_NULL)), np.where(valid, found[1], np.uint64(_NULL))


def _halves(texts: Any) -> tuple[Hashes, Hashes]:
    """The two words of the 128-bit hash of each string."""
    import numpy as np
    import pyarrow as pa
    from xxhash import xxh3_128_digest

    digests = b"".join(map(xxh3_128_digest, texts.cast(pa.binary()).to_pylist()))
    halves = np.frombuffer(digests, "<u8").reshape(-1, 2)
    return halves[:, 0].copy(), halves[:, 1].copy()
