"""LightGBM's C library, found and declared without importing the package.

Signatures are those of LightGBM's ``c_api.h``; every call returns 0 or leaves its reason to
``LGBM_GetLastError``.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import os
import sys
from ctypes import POINTER, c_char_p, c_double, c_int, c_int32, c_int64, c_void_p
from pathlib import Path

from pulse_blocks.errors import PulseError

_NAMES = {"win32": "lib_lightgbm.dll", "darwin": "lib_lightgbm.dylib"}
_LENGTH, _NUMBERS = POINTER(c_int64), POINTER(c_double)
_SIGNATURES: dict[str, tuple[object, ...]] = {
    "LGBM_BoosterLoadModelFromString": (c_char_p, POINTER(c_int), POINTER(c_void_p)),
    "LGBM_BoosterFree": (c_void_p,),
    "LGBM_BoosterGetNumClasses": (c_void_p, POINTER(c_int)),
    "LGBM_BoosterGetNumFeature": (c_void_p, POINTER(c_int)),
    # handle, data, type of data, rows, columns, row-major, kind of prediction, first iteration, iterations,
    # parameters, length and place of the result
    "LGBM_BoosterPredictForMat": (
        c_void_p, c_void_p, c_int, c_int32, c_int32, c_int, c_int, c_int, c_int, c_char_p, _LENGTH, _NUMBERS,
    ),
    # handle, kind of prediction, first iteration, iterations, type of data, columns, parameters, result
    "LGBM_BoosterPredictForMatSingleRowFastInit": (
        c_void_p, c_int, c_int, c_int, c_int, c_int32, c_char_p, POINTER(c_void_p),
    ),
    "LGBM_BoosterPredictForMatSingleRowFast": (c_void_p, c_void_p, _LENGTH, _NUMBERS),
    "LGBM_FastConfigFree": (c_void_p,),
}  # fmt: skip


@functools.cache
def library() -> ctypes.CDLL:
    """The loaded library. Raises PulseError where LightGBM is not installed."""
    spec = importlib.util.find_spec("lightgbm")
    folders = spec.submodule_search_locations if spec and spec.submodule_search_locations else []
    name = _NAMES.get(sys.platform, "lib_lightgbm.so")
    paths = [path for folder in folders if (path := Path(folder) / "lib" / name).is_file()]
    if not paths:
        raise PulseError(
            "serving.no_lightgbm", f"LightGBM's library {name} is not installed.", "Run pip install lightgbm."
        )
    # Threads of a batch that is done would wait for the next one at full speed, on cores that others need.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    loaded = ctypes.CDLL(str(paths[0]))
    for function, arguments in _SIGNATURES.items():
        getattr(loaded, function).argtypes = arguments
    loaded.LGBM_GetLastError.restype = c_char_p
    return loaded


def check(code: int) -> None:
    """Raise PulseError ``model.failed`` where a call did not succeed."""
    if code:
        reason = library().LGBM_GetLastError().decode(errors="replace")
        raise PulseError("model.failed", f"LightGBM could not use the model: {reason}.")
