"""Where snapshots, models and bundles are kept: whole objects under checked keys."""

from __future__ import annotations

from pathlib import Path

from pulse_blocks.errors import PulseError
from pulse_blocks.stores.base import Store
from pulse_blocks.stores.disk import DiskStore

__all__ = ["Store", "open_store"]

_FILE = "file://"


def open_store(uri: str) -> Store:
    """The store at a path or a ``file://`` URL. Raises PulseError for any other URL; touches nothing."""
    path = uri.removeprefix(_FILE)
    if "://" in path or not path:
        raise PulseError(
            "store.unsupported",
            f"{uri!r} is no store that can be opened.",
            "Supported are a folder's path and file:///path.",
        )
    return DiskStore(Path(path))
