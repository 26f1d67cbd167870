"""A file of ledger rows that wait: groups behind each other, each with its length and its CRC.

Whoever holds the file's lock owns it; the kernel lets go of it when a process dies, however it dies.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import struct
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import msgspec

from pulse_blocks.ledger.base import Durability, InferenceTuple

ENDING = ".spool"
_HEAD = struct.Struct("<II")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[InferenceTuple]).decode


class SpoolFile:
    """Rows on this machine's disk, in order. Every method raises OSError where the disk does not take part."""

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self._handle = handle
        self._read = 0
        # What is behind the last whole group was being written when its process died: no reply stands on it.
        self._groups = deque(self._whole())
        self.size = sum(_HEAD.size + length for length, _ in self._groups)
        os.ftruncate(handle, self.size)

    @classmethod
    def create(cls, folder: Path, durability: Durability) -> Self:
        """A new file of this process, in a folder that is made where there is none."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{os.getpid()}-{secrets.token_hex(8)}{ENDING}"
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if durability == "full":
                _sync_folder(folder)
            return cls(path, handle)
        except OSError:
            # Whoever asks does so again with every group.
            os.close(handle)
            path.unlink(missing_ok=True)
            raise

    @classmethod
    def adopt(cls, path: Path) -> Self | None:
        """The file of a process that is gone; None where its owner lives, or another one was quicker."""
        with contextlib.suppress(FileNotFoundError):
            handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(handle).st_nlink:
                    return cls(path, handle)
            except BlockingIOError:
                pass
            os.close(handle)
        return None

    def append(self, rows: Sequence[InferenceTuple], durability: Durability) -> None:
        """Add a group: all of it or, where this raises, nothing."""
        body = _encode(rows)
        data = _HEAD.pack(len(body), zlib.crc32(body)) + body
        try:
            _put(self._handle, data, self.size)
            if durability == "full":
                os.fdatasync(self._handle)
        except OSError:
            os.ftruncate(self._handle, self.size)
            raise
        self.size += len(data)
        self._groups.append((len(body), len(rows)))

    @property
    def rows(self) -> int:
        """How many rows wait."""
        return sum(count for _, count in list(self._groups))

    def first(self, most: int) -> tuple[list[InferenceTuple], int]:
        """The rows that wait longest, whole groups until they are ``most`` or more; and how many groups."""
        rows: list[InferenceTuple] = []
        at, groups = self._read, 0
        for length, _ in list(self._groups):
            if len(rows) >= most:
                break
            rows += _decode(os.pread(self._handle, length, at + _HEAD.size))
            at, groups = at + _HEAD.size + length, groups + 1
        return rows, groups

    def drop(self, groups: int) -> None:
        """Note that they are in the ledger. After a crash they are drained again, which changes nothing."""
        for _ in range(groups):
            self._read += _HEAD.size + self._groups.popleft()[0]

    def remove(self) -> None:
        """Delete the file: everything in it is in the ledger."""
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let go of the file; what waits in it is for whoever starts next."""
        os.close(self._handle)

    def _whole(self) -> Iterator[tuple[int, int]]:
        """Length and number of rows of each whole group."""
        at = 0
        while len(head := os.pread(self._handle, _HEAD.size, at)) == _HEAD.size:
            length, crc = _HEAD.unpack(head)
            body = os.pread(self._handle, length, at + _HEAD.size)
            if len(body) < length or zlib.crc32(body) != crc:
                return
            yield length, len(_decode(body))
            at += _HEAD.size + length


def _put(handle: int, data: bytes, at: int) -> None:
    while data:
        written = os.pwrite(handle, data, at)
        data, at = data[written:], at + written


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
