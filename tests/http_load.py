"""A small HTTP client on asyncio for tests that load the runtime: one connection, one request at a time."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import urlsplit


class Answer(NamedTuple):
    """A reply; header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """Opened when it is first needed, and again after it was closed."""

    def __init__(self, url: str) -> None:
        where = urlsplit(url)
        self._host, self._port = str(where.hostname), int(where.port or 80)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up, whatever is under way."""
        if self._streams:
            self._streams[1].transport.abort()
            self._streams = None

    async def send(self, path: str, body: bytes, announced: int | None = None, **headers: str) -> None:
        """Send a request; ``announced`` is the length that it claims, by default the true one."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port, limit=2**26)
        more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        length = len(body) if announced is None else announced
        head = f"POST {path} HTTP/1.1\r\nhost: test\r\ncontent-length: {length}\r\n{more}\r\n"
        self._streams[1].write(head.encode() + body)
        await self._streams[1].drain()

    async def receive(self) -> Answer:
        """The reply. Raises OSError or EOFError where there is none."""
        assert self._streams
        reader = self._streams[0]
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection") == "close":
            self.close()
        return Answer(int(first.split(" ", 2)[1]), headers, body)

    async def ask(self, path: str, body: bytes, **headers: str) -> Answer:
        """Send and receive."""
        await self.send(path, body, **headers)
        return await self.receive()


def resident_mb(pid: int) -> float:
    """What a process holds in memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
