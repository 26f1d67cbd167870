"""Memory while a snapshot is made or read: the system's allocator gives back what a chunk needed."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator


@contextlib.contextmanager
def lean() -> Iterator[None]:
    """Let Arrow use the system's allocator, in the whole process, until the block ends; then give back what is free.

    Measured at 1.25 million rows of 30 columns, it takes some 40 MB less at the peak than Arrow's default, in the same
    time; and as much less where a training decodes one chunk ahead.
    """
    import pyarrow as pa

    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)
        with contextlib.suppress(AttributeError, OSError):  # glibc alone has it
            ctypes.CDLL(None).malloc_trim(0)
