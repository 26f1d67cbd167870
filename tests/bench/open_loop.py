"""An open-loop load generator: requests leave by the clock, whatever becomes of those before.

A latency counts from the moment at which its request was due, so that a server that stalls cannot hide it by
slowing the generator down.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import deque
from typing import NamedTuple, cast
from urllib.parse import urlsplit

CONNECTIONS = 64


class Latency(NamedTuple):
    """Milliseconds; ``bad`` answers were no 200, and ``rate`` is what was answered in a second."""

    rate: float
    p50: float
    p99: float
    worst: float
    bad: int


class _Client(asyncio.Protocol):
    """One connection: one request at a time, replies with a content-length."""

    def __init__(self, done: asyncio.Queue[_Client], found: list[tuple[float, bool]]) -> None:
        self._done, self._found = done, found
        self._buffer = b""
        self.due = 0.0
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes.
        self.transport = cast("asyncio.Transport", transport)
        self._done.put_nowait(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, mark, body = self._buffer.partition(b"\r\n\r\n")
        if not mark:
            return
        lines = head.lower().split(b"\r\n")
        length = next(int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:"))
        if len(body) < length:
            return
        self._buffer = b""
        self._found.append((time.perf_counter() - self.due, lines[0].split()[1] == b"200"))
        self._done.put_nowait(self)


async def offer(
    url: str, path: str, bodies: list[str], headers: dict[str, str], rate: float, seconds: float
) -> Latency:
    """Offer ``rate`` requests a second. The first tenth of the time warms up and does not count."""
    where, loop = urlsplit(url), asyncio.get_running_loop()
    idle: asyncio.Queue[_Client] = asyncio.Queue()
    found: list[tuple[float, bool]] = []
    for _ in range(CONNECTIONS):
        await loop.create_connection(lambda: _Client(idle, found), where.hostname, where.port)
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    requests = deque(_requests(path, bodies, more))
    start, warm = time.perf_counter() + 0.05, None
    for number in range(int(rate * seconds)):
        due = start + number / rate
        if (left := due - time.perf_counter()) > 0:
            await asyncio.sleep(left)
        client = await asyncio.wait_for(idle.get(), 30)
        if number == int(rate * seconds / 10):
            found.clear()
            warm = time.perf_counter()
        client.due = due
        body = requests[0].replace(b"@", b"%.9f" % (number * 1e-6))
        client.transport.write(body.replace(b"LENGTH", b"%d" % len(body.partition(b"\r\n\r\n")[2])))
        requests.rotate(-1)
    for _ in range(CONNECTIONS):
        (await asyncio.wait_for(idle.get(), 30)).transport.close()
    assert warm is not None
    times = sorted(taken for taken, _ in found)
    elapsed = time.perf_counter() - warm
    return Latency(
        rate=len(times) / elapsed,
        p50=times[len(times) // 2] * 1e3,
        p99=times[len(times) * 99 // 100] * 1e3,
        worst=times[-1] * 1e3,
        bad=sum(not good for _, good in found),
    )


def _requests(path: str, bodies: list[str], more: str) -> list[bytes]:
    head = (
        f"POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: LENGTH\r\n"
    )
    return [(head + more + "\r\n" + body).encode() for body in bodies]


def main(specification: str) -> None:
    """A process of its own, so that the generator is not slowed by who started it: prints a JSON array."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(offer(**json.loads(specification)))))  # noqa: T201  read by whoever started it


if __name__ == "__main__":
    main(sys.stdin.read())
