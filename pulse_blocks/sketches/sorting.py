"""Doubles in ascending order, without the interpreter's lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Doubles = np.ndarray[Any, np.dtype[np.float64]]


def ascending(values: Doubles) -> Doubles:
    """The values, sorted; NaN stand at the ends.

    As whole numbers their bits sort as the values do, negative ones the other way round. So they take half the time of
    numpy's sort, whose AVX-512 code is slow on some processors.
    """
    import numpy as np
    import polars as pl

    bits = pl.Series(values.view(np.int64)).sort(multithreaded=False).to_numpy()
    negative = np.searchsorted(bits, 0)
    return np.concatenate([bits[:negative][::-1], bits[negative:]]).view(np.float64)
