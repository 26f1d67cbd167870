"""Which rows are held out to judge the model, and which of the others to decide something on."""

from __future__ import annotations

import numpy as np

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.spec import SplitSpec

# A row without a group (where the protocol allows it) is never held out.
NO_GROUP = 2**64 - 1
# Which rows are drawn for validation says nothing about which were held out.
_VALIDATION = 1


def held_out(split: SplitSpec, seed: int, rows: np.ndarray, keys: np.ndarray | None) -> np.ndarray:
    """A mask over ``rows`` (numbers in the snapshot): True where a row is held out.

    ``keys`` has an entry for each row: by time numbers of days, of which the last ``test`` share of the distinct
    ones is held out; by group uint64 numbers of groups; by column True where the row is held out. At random each
    row is decided by a hash of its number and ``seed``, whatever the other rows are. Raises
    PulseError("training.split") where one of the two parts would be empty.
    """
    if split.by == "column" and keys is not None:
        mask = keys.astype(np.bool_)
        what = f"for {split.column} = {split.value}"
    else:
        mask = _share(split, split.test, seed, rows, keys, 0)
        what = f"that holds out {split.test:g}"
    _require_both(
        mask,
        f"A split by {split.by} {what} of {rows.size:,} rows",
        "Take more rows or days, or another test.",
    )
    return mask


def validation(split: SplitSpec, seed: int, rows: np.ndarray, keys: np.ndarray | None) -> np.ndarray:
    """A mask over the training rows: True for those set aside, the ``validation`` share, as ``held_out`` does.

    Of a given split (by column) they are drawn at random. Raises PulseError("training.split") as well.
    """
    by_chance = split.by == "column"
    mask = _share(split, split.validation, seed, rows, None if by_chance else keys, _VALIDATION)
    said = f"A validation part of {split.validation:g} of {rows.size:,} training rows"
    _require_both(mask, said, "Take more rows or days, or another validation.")
    return mask


def _share(
    split: SplitSpec, share: float, seed: int, rows: np.ndarray, keys: np.ndarray | None, salt: int
) -> np.ndarray:
    if split.by == "time" and keys is not None:
        return _last_days(share, keys)
    if split.by == "group" and keys is not None:
        return np.asarray(_hashed(share, seed, keys, salt) & (keys != np.uint64(NO_GROUP)))
    return _hashed(share, seed, rows.astype(np.uint64), salt)


def _require_both(mask: np.ndarray, said: str, hint: str) -> None:
    if mask.all() or not mask.any():
        raise PulseError("training.split", f"{said} leaves one part empty.", f"{hint} See training.split.")


def _last_days(share: float, days: np.ndarray) -> np.ndarray:
    distinct = np.unique(days)
    if distinct.size < 2:
        return np.zeros(days.size, np.bool_)
    last = min(max(round(distinct.size * share), 1), distinct.size - 1)
    return np.asarray(days >= distinct[-last])


def _hashed(share: float, seed: int, numbers: np.ndarray, salt: int) -> np.ndarray:
    """splitmix64 of the numbers: stable over versions of NumPy, as a random generator is not."""
    with np.errstate(over="ignore"):
        z = numbers + np.uint64(seed) * np.uint64(0xD1342543DE82EF95)
        z = z + np.uint64(salt) * np.uint64(0x8CB92BA72F3D8DD7)
        z = (z + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return np.asarray(z < np.uint64(int(share * 2**64)))
