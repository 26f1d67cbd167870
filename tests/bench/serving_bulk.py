"""Many records in one body: rows a second on one connection."""

from __future__ import annotations

import http.client
import json
import statistics
import time
from typing import Literal

from tests.bench.serving_servers import Server, one

ROWS, REQUESTS = 1000, 20
Form = Literal["instances", "records", "Arrow"]
_ARROW = "application/vnd.apache.arrow.stream"


def rate(server: Server, form: Form) -> float:
    """Rows a second (the median request); the bodies are made before the clock starts."""
    bodies = [_body(server, form, number) for number in range(REQUESTS)]
    headers = {"Content-Type": _ARROW if form == "Arrow" else "application/json", **server.headers}
    connection = http.client.HTTPConnection(server.address.removeprefix("http://"), timeout=60)
    times = []
    for body in bodies:
        started = time.perf_counter()
        connection.request("POST", server.path, body, headers)
        response = connection.getresponse()
        told = response.read()
        assert response.status == http.client.OK, told
        times.append(time.perf_counter() - started)
    connection.close()
    return ROWS / statistics.median(times)


def _body(server: Server, form: Form, number: int) -> bytes:
    """A body like no other: the cache must not answer."""
    records = [one(body) for body in server.bodies[:ROWS]]
    # BentoML's bodies hold a list already.
    records = [record["records"][0] if "records" in record else record for record in records]
    rows = [{**record, "f00": number / 1000 + at / 1e6} for at, record in enumerate(records)]
    return _arrow(rows) if form == "Arrow" else json.dumps({form: rows}).encode()


def _arrow(rows: list[dict[str, object]]) -> bytes:
    import pyarrow as pa

    table, sink = pa.Table.from_pylist(rows), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
