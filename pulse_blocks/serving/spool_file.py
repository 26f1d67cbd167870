"""A file of ledger rows that wait: groups behind each other, each with its length and its CRC.

Whoever holds the file's lock owns it; the kernel lets go of it when a process dies, however it dies.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
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
# What becomes of a file that cannot be read whole: nobody deletes it but its owner.
DAMAGED = ".damaged"
_HEAD = struct.Struct("<II")
# How the body of a group begins in MessagePack: a list, in it a row of eleven, in it a text.
_BODY = re.compile(rb"(?=(?:[\x91-\x9f]|\xdc..|\xdd....)\x9b[\xa0-\xbf\xd9-\xdb])", re.DOTALL)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[InferenceTuple]).decode


class SpoolFile:
    """Rows on this machine's disk, in order. Every method raises OSError where the disk does not take part."""

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self._handle = handle
        self.size = os.fstat(handle).st_size
        self.is_damaged = False
        self._groups = deque(self._whole())

    @classmethod
    def create(cls, folder: Path, durability: Durability) -> Self:
        """A new file of this process, in a folder that is made where there is none."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            path = folder / f"{os.getpid()}-{secrets.token_hex(8)}{ENDING}"
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                if os.fstat(handle).st_nlink:
                    if durability == "full":
                        _sync_folder(folder)
                    return cls(path, handle)
            except OSError:
                # Whoever asks does so again with every group.
                os.close(handle)
                path.unlink(missing_ok=True)
                raise
            # Before it was locked, another process took it for one that was left empty, and has removed it.
            os.close(handle)

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
            except Exception:
                os.close(handle)
                raise
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
        self._groups.append((self.size + _HEAD.size, len(body), len(rows)))
        self.size += len(data)

    @property
    def rows(self) -> int:
        """How many rows wait."""
        return sum(count for _, _, count in list(self._groups))

    def first(self, most: int) -> tuple[list[InferenceTuple], int]:
        """The rows that wait longest, whole groups until they are ``most`` or more; and how many groups."""
        rows: list[InferenceTuple] = []
        groups = 0
        for at, length, _ in list(self._groups):
            if len(rows) >= most:
                break
            rows += _decode(os.pread(self._handle, length, at))
            groups += 1
        return rows, groups

    def drop(self, groups: int) -> None:
        """Note that they are in the ledger. After a crash they are drained again, which changes nothing."""
        for _ in range(groups):
            self._groups.popleft()

    def remove(self) -> None:
        """Delete the file: everything in it is in the ledger. One that is damaged is kept under another ending."""
        try:
            if self.is_damaged:
                with contextlib.suppress(FileNotFoundError):
                    self.path.rename(self.path.with_suffix(DAMAGED))
            else:
                self.path.unlink(missing_ok=True)
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the file; what waits in it is for whoever starts next."""
        os.close(self._handle)

    def _whole(self) -> Iterator[tuple[int, int, int]]:
        """Where the body of each whole group is, its length and its number of rows.

        Sets ``is_damaged`` where bytes are left out on which replies may stand. A last group that lacks its end, or
        is nothing but zeros, was being written when its process died: no reply stands on it, and it is cut off.
        """
        at = 0
        while at < self.size:
            head = os.pread(self._handle, _HEAD.size, at)
            length, crc = _HEAD.unpack(head) if len(head) == _HEAD.size else (self.size, 0)
            body = os.pread(self._handle, min(length, self.size), at + _HEAD.size)
            rows = _rows_of(body, crc) if len(body) == length else 0
            if rows:
                yield at + _HEAD.size, length, rows
                at += _HEAD.size + length
                continue
            following = self._next(at + 1)
            if following is None and (len(body) < length or not any(head + body)):
                os.ftruncate(self._handle, at)
                self.size = at
                return
            self.is_damaged = True
            at = self.size if following is None else following

    def _next(self, start: int) -> int | None:
        """Where the next whole group begins, from ``start`` on."""
        rest = os.pread(self._handle, self.size - start, start)
        for found in _BODY.finditer(rest, _HEAD.size):
            length, crc = _HEAD.unpack_from(rest, found.start() - _HEAD.size)
            body = memoryview(rest)[found.start() : found.start() + length]
            if len(body) == length and _rows_of(body, crc):
                return start + found.start() - _HEAD.size
        return None


def _rows_of(body: bytes | memoryview, crc: int) -> int:
    """How many rows a group has; none where it is not what was written, or of another release."""
    if zlib.crc32(body) != crc:
        return 0
    try:
        return len(_decode(body))
    except msgspec.MsgspecError:
        return 0


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
