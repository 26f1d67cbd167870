"""Which rows of two sets are the same, changed, gone or new: a merge of fingerprints, duplicates counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Rows = np.ndarray[Any, Any]

_ROW, _KEY = ("key1", "key2", "rest"), ("key1", "key2")


def compared(before: Rows, after: Rows) -> tuple[Rows, Rows, Rows]:
    """``(removed, added, changed)`` as arrays of ``at``; changed has two columns, before and after.

    Rows that are equal in all columns are taken out first, one for one; of what is left rows of one key are
    paired, and the others are removed or added.
    """
    import numpy as np

    same_before, same_after = _pairs(before, after, _ROW)
    before, after = np.delete(before, same_before), np.delete(after, same_after)
    old, new = _pairs(before, after, _KEY)
    changed = np.stack([before["at"][old], after["at"][new]], axis=1)
    return np.delete(before["at"], old), np.delete(after["at"], new), changed


def _pairs(before: Rows, after: Rows, fields: tuple[str, ...]) -> tuple[Rows, Rows]:
    """Positions in both of rows that agree in ``fields``: the first with the first, the second with the second."""
    import numpy as np

    keys = {name: np.concatenate([before[name], after[name]]) for name in fields}
    side = np.repeat(np.array([0, 1], np.int8), [len(before), len(after)])
    order = np.lexsort([side, *(keys[name] for name in reversed(fields))])
    if not len(order):
        return order, order
    side = side[order]
    fresh = np.ones(len(order), bool)
    fresh[1:] = np.logical_or.reduce([keys[name][order][1:] != keys[name][order][:-1] for name in fields])
    group = np.cumsum(fresh)
    number = _numbered(fresh, side)
    # Rows of one group and one number stand side by side now: at most one of each side.
    by_number = np.lexsort([side, number, group])
    first, second = by_number[:-1], by_number[1:]
    pair = (group[first] == group[second]) & (number[first] == number[second])
    return order[first[pair]], order[second[pair]] - len(before)


def _numbered(fresh: Rows, side: Rows) -> Rows:
    """The number of each row among those of its group and side, both being sorted."""
    import numpy as np

    start = fresh.copy()
    start[1:] |= side[1:] != side[:-1]
    places = np.arange(len(start))
    return places - np.maximum.accumulate(np.where(start, places, 0))
