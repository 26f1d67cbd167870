"""Bodies that nobody should send: refused in words, never a fault of ours, and no memory kept."""

from __future__ import annotations

import asyncio
import json
import math
import os
import random
from collections import Counter
from collections.abc import Callable

import pyarrow as pa
import pytest

from pulse_blocks.settings import Workspace
from tests.http_load import Connection, resident_mb
from tests.served_models import RECORD, protocol, runtime, train_and_promote

REQUESTS = {"full": 100_000, "short": 10_000}[os.environ.get("PULSE_FAULTS", "short")]
CLIENTS = 16
PATHS = ("/predict/parcels", "/invocations", "/v2/models/parcels/infer", "/feedback", "/predict/nobody")
ARROW = "application/vnd.apache.arrow.stream"
KINDS = ("application/json", "text/csv", ARROW, "", "\xff")
# A model of each type of label.
TARGETS = {"parcels": "bool", "hours": "float", "counts": "int"}
# Stands for the id of an inference that was made.
OURS = b"inference_of_ours"
GROWTH_MB = 30

SOUND = json.dumps(RECORD).encode()
Draw = random.Random


def _mutated(draw: Draw) -> bytes:
    body = bytearray(SOUND)
    for _ in range(draw.randrange(1, 6)):
        body[draw.randrange(len(body))] = draw.randrange(256)
    return bytes(body)


def _number(draw: Draw) -> bytes:
    number = draw.choice([b"NaN", b"Infinity", b"-Infinity", b"1e400", b"-1e400", b"9" * 5000, b"1" + b"0" * 400,
                          b"-0", b"0x10", b"1_0", b"1e-400", b"00", b".5", b"9223372036854775808"])  # fmt: skip
    return SOUND.replace(draw.choice([b"2.5", b"700.0", b"3"]), number, 1)


def _stream(draw: Draw) -> bytes:
    """A sound Arrow stream whose column has an odd type, or says one long value once."""
    far = draw.randrange(2**62)
    once = pa.array([draw.choice(["x", "x" * 100_000])])
    column = draw.choice([
        pa.array([far], pa.timestamp(draw.choice(["s", "us", "ns"]))),
        pa.array([0], pa.timestamp("s", tz="Mars/Phobos")),
        pa.array([far % 2**31], pa.date32()), pa.array([far], pa.duration("s")), pa.array([b"\xff"]),
        pa.array([(1, 2, 3)], pa.month_day_nano_interval()), pa.nulls(1), pa.array([[1]]),
        pa.array([draw.random()], pa.float16()),
        pa.DictionaryArray.from_arrays(pa.array([0]), pa.array([far], pa.timestamp("s"))),
        pa.DictionaryArray.from_arrays(pa.array([0] * 500, pa.int8()), once),
        pa.RunEndEncodedArray.from_arrays(pa.array([500], pa.int32()), once),
        pa.array([draw.choice([math.inf, -math.inf, math.nan])]),
    ])  # fmt: skip
    table = pa.Table.from_pylist([RECORD] * len(column))
    name = draw.choice([*RECORD, "sent", "parcel"])
    at = table.column_names.index(name) if name in RECORD else len(RECORD)
    if name in RECORD:
        table = table.remove_column(at)
    table = table.add_column(at, name, column)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _label(draw: Draw) -> bytes:
    value = draw.choice(
        [b"true", b"1", b"1" + b"0" * 400, b"-1" + b"0" * 400, b"1e400", b"1e308", b'"x"', b"null", b"[]"]
    )
    time = draw.choice(
        [b"9999-12-31T23:59:59-14:00", b"0001-01-01T00:00:00+14:00", b"2013-01-01T00:00:00Z", b"soon"]
    )
    return b'{"inference_id":"%b","value":%b,"time":"%b"}' % (OURS, value, time)


BODIES: dict[str, Callable[[Draw], bytes]] = {
    "random bytes": lambda draw: draw.randbytes(draw.randrange(200)),
    "a mutated record": _mutated,
    "a cut record": lambda draw: SOUND[: draw.randrange(len(SOUND))],
    "an odd number": _number,
    "deep lists": lambda _: b"[" * 10_000 + b"]" * 10_000,
    "deep objects": lambda _: b'{"weight":' * 10_000 + b"1" + b"}" * 10_000,
    "deep instances": lambda _: b'{"instances":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "duplicate keys": lambda draw: SOUND[:-1] + b',"weight":' + str(draw.random()).encode() + b"}",
    "a thousand keys": lambda _: b"{" + b",".join(b'"k%d":1' % n for n in range(1000)) + b"}",
    "wrong UTF-8": lambda draw: SOUND.replace(b"train", draw.choice([b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80"])),
    "half a surrogate": lambda _: SOUND.replace(b"train", b"\\ud800"),
    "nothing in a text": lambda _: SOUND[:-1] + b',"parcel":"\\u0000"}',
    "a long key": lambda draw: SOUND[:-1] + b',"parcel":"' + b"x" * draw.randrange(200_000) + b'"}',
    "another type": lambda draw: json.dumps(draw.choice([None, 1, "x", [], {}, [SOUND.decode()]])).encode(),
    "a tensor of lies": lambda draw: json.dumps({"inputs": [
        {"name": "weight", "datatype": "FP64", "shape": [draw.randrange(10**12)], "data": [1]}]}).encode(),
    "columns of lies": lambda _: b'{"columns":{"weight":[' + b"1," * 5000 + b'1],"stops":[1]}}',
    "an odd stream": _stream,
    "an odd label": _label,
    "labels of lies": lambda _: b'{"labels":[{"inference_id":"inference_0","value":1},{"inference_id":{}}]}',
}  # fmt: skip
# Where a body would be refused for its type or its path alone.
PLACES = {"an odd stream": ("/predict/parcels", ARROW), "an odd label": ("/feedback", "application/json")}


async def one_client(url: str, seed: int, seen: Counter[tuple[str, int]]) -> None:
    """Send hostile bodies, whole, half or with a false length."""
    draw = Draw(seed)
    async with Connection(url) as connection:
        made = [(await connection.ask(f"/predict/{model}", SOUND)).body for model in TARGETS]
        ids = [json.loads(body)["inference_id"].encode() for body in made]
        for _ in range(REQUESTS // CLIENTS):
            name = draw.choice(list(BODIES))
            body = BODIES[name](draw).replace(OURS, draw.choice(ids))
            path, kind = PLACES.get(name, (draw.choice(PATHS), draw.choice(KINDS)))
            headers = {
                "content_type": kind,
                "x_amzn_sagemaker_target_model": "parcels",
                "inference_header_content_length": "7",
            }
            if draw.random() < 0.9:
                del headers["inference_header_content_length"]
            if draw.random() < 0.05:
                await connection.send(path, body[: len(body) // 2], announced=len(body) + 10, **headers)
                await asyncio.sleep(draw.choice([0, 0.002]))
                connection.close()
                continue
            try:
                answer = await asyncio.wait_for(connection.ask(path, body, **headers), 20)
            except TimeoutError:
                pytest.fail(f"no answer to {name} at {path} with {headers}: {body[:200]!r}")
            seen[name, answer.status] += 1
            is_shed = answer.status == 503 and b"serving.overloaded" in answer.body
            assert answer.status < 500 or is_shed, (name, path, headers, answer)
            if answer.headers["content-type"] != ARROW:
                json.loads(answer.body)


async def too_large(url: str) -> None:
    """A hundred megabytes are refused long before they were sent."""
    for announced in (100_000_000, 10_000_001):
        async with Connection(url) as connection:
            await connection.send("/predict/parcels", b" " * 1000, announced=announced)
            assert (await connection.receive()).status == 413


@pytest.mark.faults
@pytest.mark.timeout(1200)
def test_hostile_bodies(workspace: Workspace) -> None:
    """No 5xx but shedding, every refusal is JSON, memory does not grow, and the next good request is answered."""
    train_and_promote(workspace, protocol(serving={"cache": {"entries": 100}}))
    for name, kind in TARGETS.items():
        if kind != "bool":
            train_and_promote(workspace, protocol(name, "regression", target={"name": "y", "type": kind}))
    seen: Counter[tuple[str, int]] = Counter()

    async def load(url: str, seed: int) -> None:
        await asyncio.gather(*[one_client(url, seed + number, seen) for number in range(CLIENTS)])
        await too_large(url)

    with runtime(workspace, *TARGETS) as (url, process):
        asyncio.run(load(url, 1))
        before = resident_mb(process.pid)
        asyncio.run(load(url, 1000))
        grown = resident_mb(process.pid) - before

        async def good() -> int:
            async with Connection(url) as connection:
                return (await connection.ask("/predict/parcels", SOUND)).status

        assert asyncio.run(good()) == 200
        process.terminate()
        assert "Traceback" not in process.communicate(timeout=20)[1]
    assert grown < GROWTH_MB
    assert len({name for name, _ in seen}) == len(BODIES)
    print(f"{sum(seen.values()):,} hostile bodies answered, memory grew by {grown:.1f} MB")  # noqa: T201
