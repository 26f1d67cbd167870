"""A LightGBM model as a function from numbers to numbers, by the C library; threads share large batches."""

from __future__ import annotations

import ctypes
import re
import threading
import weakref
from array import array
from collections.abc import Callable

from pulse_blocks.boosters.library import check, library
from pulse_blocks.cores import available_cores
from pulse_blocks.errors import PulseError

_FLOAT64, _ROW_MAJOR, _NORMAL, _FIRST, _ALL = 1, 1, 0, 0, -1
# Where a text has the sizes of its trees, LightGBM parses them side by side, as quickly, and ends the whole process
# where one of them is not sound. Without, it says so.
_TREE_SIZES = re.compile(rb"^tree_sizes=.*\n", re.MULTILINE)
# LightGBM looks for the end of a line beyond the end of a text that was cut within one, in whatever memory is there.
_END = b"\n\n"
# A call takes milliseconds: who holds the model for longer hangs.
BUSY_SECONDS = 1.0
_PARAMETERS = b"num_threads=%d verbosity=-1"
# Fewer rows are done before another thread is awake.
_SHARED_ROWS = 64
MOST_THREADS = 4


class Predictor:
    """Predicts the same bits as ``Booster.predict``. Any thread may call it, one at a time.

    ``outputs`` is the number of values for a row: 1, or the number of classes of a multiclass model.
    """

    def __init__(self, model_text: bytes, columns: int, threads: int | None = None) -> None:
        """Parse a model's text. Raises PulseError where it is none, or is not one of ``columns`` features.

        ``threads`` share a large batch, each whole rows of it; where nobody says, as many as there are cores for them.
        """
        self._shared = _PARAMETERS % (threads or min(MOST_THREADS, available_cores()))
        self._library = library()
        self._columns = columns
        self._lock = threading.Lock()
        self._handle, self._row = ctypes.c_void_p(), ctypes.c_void_p()
        iterations = ctypes.c_int()
        check(
            self._library.LGBM_BoosterLoadModelFromString(
                _TREE_SIZES.sub(b"", model_text, count=1) + _END,
                ctypes.byref(iterations),
                ctypes.byref(self._handle),
            )
        )
        weakref.finalize(self, _free, self._handle, self._row)
        self.outputs = self._count(self._library.LGBM_BoosterGetNumClasses)
        found = self._count(self._library.LGBM_BoosterGetNumFeature)
        if found != columns:
            raise PulseError(
                "model.features", f"The model takes {found} features, the protocol has {columns}.",
                "The model's text does not belong to this protocol.",
            )  # fmt: skip
        check(
            self._library.LGBM_BoosterPredictForMatSingleRowFastInit(
                self._handle,
                _NORMAL,
                _FIRST,
                _ALL,
                _FLOAT64,
                columns,
                _PARAMETERS % 1,
                ctypes.byref(self._row),
            )
        )
        self._length = ctypes.c_int64()
        self._results = (ctypes.c_double * self.outputs)()

    def predict(self, matrix: array[float], rows: int) -> list[float]:
        """The values of ``rows`` rows; ``matrix`` holds them one after the other as doubles."""
        if not self._lock.acquire(timeout=BUSY_SECONDS):
            raise PulseError("model.busy", "The model is still busy with another request.")
        try:
            size = rows * self.outputs
            if len(self._results) < size:
                self._results = (ctypes.c_double * size)()
            data = matrix.buffer_info()[0]
            length = ctypes.byref(self._length)
            if rows == 1:
                code = self._library.LGBM_BoosterPredictForMatSingleRowFast(
                    self._row, data, length, self._results
                )
            else:
                code = self._library.LGBM_BoosterPredictForMat(
                    self._handle, data, _FLOAT64, rows, self._columns, _ROW_MAJOR, _NORMAL, _FIRST, _ALL,
                    self._shared if rows >= _SHARED_ROWS else _PARAMETERS % 1, length, self._results,
                )  # fmt: skip
            check(code)
            return self._results[:size]
        finally:
            self._lock.release()

    def _count(self, function: Callable[..., int]) -> int:
        found = ctypes.c_int()
        check(function(self._handle, ctypes.byref(found)))
        return found.value


def _free(handle: ctypes.c_void_p, row: ctypes.c_void_p) -> None:
    if row.value:
        library().LGBM_FastConfigFree(row)
    library().LGBM_BoosterFree(handle)
