"""Where snapshots, models and bundles are kept: whole objects under checked keys."""

from __future__ import annotations

from pathlib import Path

from pulse_blocks.errors import PulseError
from pulse_blocks.stores.base import Entry, Store
from pulse_blocks.stores.disk import DiskStore

__all__ = ["Entry", "Store", "open_store", "same_store"]

_FILE = "file://"


def open_store(uri: str) -> Store:
    """The store at a path, a ``file://`` or an ``s3://`` URL. Raises PulseError for any other; touches nothing."""
    if uri.startswith("s3://"):
        from pulse_blocks.stores.s3 import S3Store

        return S3Store.open(uri)
    path = uri.removeprefix(_FILE)
    if "://" in path or not path:
        raise PulseError(
            "store.unsupported",
            f"{uri!r} is no store that can be opened.",
            "Supported are a folder's path, file:///path and s3://bucket/prefix.",
        )
    return DiskStore(Path(path))


def same_store(one: Store, other: Store) -> bool:
    """Whether two stores hold the same objects, however their URLs are written.

    A bucket of one name at two servers counts as the same: whoever asks keeps too much then, and never too little.
    """
    if isinstance(one, DiskStore) and isinstance(other, DiskStore):
        return one.root.resolve() == other.root.resolve()
    return one.uri == other.uri
