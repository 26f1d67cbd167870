"""What decides the trees of a fit beside its data: versions, machine, parameters."""

from __future__ import annotations

import importlib.metadata
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pulse_blocks.records import Environment

# Those that compute, encode or decide: LightGBM, and what stands between a snapshot and its matrix.
PACKAGES = ("lightgbm", "numpy", "pyarrow", "pulse-blocks")
THREADS = "num_threads"
_CPUINFO = Path("/proc/cpuinfo")


def environment(params: Mapping[str, Any]) -> Environment:
    """What this process and this machine are, with the parameters that LightGBM is given."""
    return Environment(
        packages={name: importlib.metadata.version(name) for name in PACKAGES},
        python=platform.python_version(),
        platform=" ".join(filter(None, (platform.system(), platform.machine(), *platform.libc_ver()))),
        processor=_processor(),
        threads=int(params[THREADS]),
        parameters={
            name: ",".join(map(str, value)) if isinstance(value, list) else value
            for name, value in params.items()
            if name != THREADS
        },
    )


def _processor() -> str:
    """The processor's own name: LightGBM's sums may come out otherwise on another instruction set."""
    try:
        found = re.search(r"(?m)^model name\s*: (.*)$", _CPUINFO.read_text(encoding="utf-8"))
    except OSError:
        found = None
    return found[1] if found else platform.processor()
