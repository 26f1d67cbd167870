"""Private columns: the ledger never holds their values, and everything else goes on as without them."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pyarrow as pa
import pytest

from pulse_blocks import settings
from pulse_blocks.bundle.privacy import Privacy
from pulse_blocks.bundle.signing import signing_key
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import open_ledger
from pulse_blocks.ledger.rows import CACHED
from pulse_blocks.protocol.requests import request_type
from pulse_blocks.serving.encoding import Encoder
from pulse_blocks.settings import Workspace
from tests.served_models import FEATURES, RECORD, SERVE, protocol, runtime, train_and_promote

KEY = b"k" * 64
PRIVATE: dict[str, Any] = {
    "features": {**FEATURES, "carrier": {**FEATURES["carrier"], "private": True}},
    "columns": {"parcel": {"type": "string", "private": True}},
}


def test_the_ledger_holds_hashes(workspace: Workspace) -> None:
    """In the input and the source key; the same value gives the same hash, and the reply does not change."""
    open_model = train_and_promote(workspace, protocol())
    record = {**RECORD, "parcel": "of-mrs-jones"}
    with runtime(workspace, "parcels") as (url, _):
        plain = httpx.post(f"{url}/predict/parcels", json=record).json()
    train_and_promote(workspace, protocol(version="1.1.0", **PRIVATE))
    with runtime(workspace, "parcels") as (url, _):
        replies = [httpx.post(f"{url}/predict/parcels", json=record).json() for _ in range(2)]
        bulk = httpx.post(f"{url}/predict/parcels", json={"instances": [record]}).json()["predictions"][0]
        lineage = httpx.get(f"{url}/lineage/{replies[0]['inference_id']}").text
    privacy = Privacy(protocol(**PRIVATE), signing_key(workspace))
    with open_ledger(workspace.ledger) as ledger:
        before = ledger.inference(plain["inference_id"])
        first, second, third = (ledger.inference(one["inference_id"]) for one in (*replies, bulk))
    assert json.loads(before.input)["carrier"] == record["carrier"]
    assert (before.model, before.source_key) == (open_model.model, "of-mrs-jones")
    kept = json.loads(first.input)
    assert kept["carrier"] == privacy.hashed("carrier", record["carrier"])
    assert kept["parcel"] == first.source_key == privacy.hashed("parcel", "of-mrs-jones")
    assert kept["weight"] == record["weight"]
    assert first.input == second.input == third.input
    assert second.flags & CACHED
    assert first.input_sha256 == hashlib.sha256(first.input.encode()).hexdigest()
    assert replies[0]["probability"] == plain["probability"]
    assert "mrs-jones" not in lineage
    assert b"of-mrs-jones" not in _ledger_bytes(workspace).partition(b"1.1.0")[2]


VALUE = "mrs-jones-of-elm-street"
SECRETS: dict[str, Any] = {
    **PRIVATE,
    "features": {**PRIVATE["features"], "stops": {**FEATURES["stops"], "private": True}},
    "columns": {"parcel": {"type": "string", "private": True, "max_length": 8}},
}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/predict/parcels", {**RECORD, "parcel": VALUE}),
        ("/predict/parcels", {**RECORD, "carrier": VALUE, "stops": VALUE}),
        ("/predict/parcels", {**RECORD, "stops": 31415926, "carrier": 31415926, "weight": -1}),
        ("/predict/parcels", {"instances": [{**RECORD, "carrier": VALUE}, VALUE, [VALUE]]}),
        ("/predict/parcels", {"columns": {**{k: [v] for k, v in RECORD.items()}, "carrier": [VALUE]}}),
        ("/predict/parcels", {"columns": {**{k: [v] for k, v in RECORD.items()}, "carrier": VALUE}}),
        ("/predict/parcels", VALUE),
        ("/invocations", {"dataframe_records": [{**RECORD, "carrier": VALUE}]}),
        ("/invocations", {"inputs": VALUE}),
        (
            "/v2/models/parcels/infer",
            {"inputs": [{"name": "carrier", "shape": [1], "datatype": "BYTES", "data": [VALUE]}]},
        ),
    ],
)
def test_a_refusal_does_not_repeat_what_is_private(
    secretive: tuple[str, Path], path: str, body: object
) -> None:
    """In no dialect: the field is named and what it may hold, the value is not. Nor is it in the log."""
    url, log = secretive
    told = httpx.post(url + path, json=body)
    assert told.status_code == 422, told.text
    for text in (told.text, str(told.headers), log.read_text()):
        assert VALUE not in text
        assert "31415926" not in text


def test_nor_do_csv_and_arrow(secretive: tuple[str, Path]) -> None:
    """A value that a private column may not hold, in a file of text and in a stream of columns."""
    url, log = secretive
    record = {**RECORD, "carrier": VALUE, "parcel": VALUE}
    csv = f"{','.join(record)}\n{','.join(str(value) for value in record.values())}\n"
    stream = pa.BufferOutputStream()
    table = pa.Table.from_pylist([record])
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    arrow = {"content-type": "application/vnd.apache.arrow.stream"}
    for told in (
        httpx.post(f"{url}/invocations", content=csv, headers={"content-type": "text/csv"}),
        httpx.post(f"{url}/predict/parcels", content=bytes(stream.getvalue()), headers=arrow),
    ):
        assert told.status_code == 422, told.text
        assert "carrier" in told.text
        assert "parcel" in told.text
        for text in (told.text, str(told.headers), log.read_text()):
            assert VALUE not in text


@pytest.fixture(scope="module")
def secretive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A runtime with private columns, and the file that its log goes to."""
    workspace = settings.load(tmp_path_factory.mktemp("secretive"), environ={})
    train_and_promote(workspace, protocol(**SECRETS))
    log = Path(workspace.root) / "log"
    with log.open("w") as kept:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, workspace.root, "{}", "parcels"],
            stdout=subprocess.PIPE, stderr=kept, text=True,
        )  # fmt: skip
        assert process.stdout
        try:
            yield process.stdout.readline().strip(), log
        finally:
            process.kill()
            process.communicate()


def _ledger_bytes(workspace: Workspace) -> bytes:
    """The rows of the private model, as SQLite hands them out."""
    import pysqlite3

    connection = pysqlite3.connect(workspace.ledger.removeprefix("sqlite:///"))
    rows = connection.execute("select * from inferences where model like '%1.1.0%'").fetchall()
    connection.close()
    return b"1.1.0" + repr(rows).encode()


def test_what_is_missing_stays_missing() -> None:
    """Null is null: nobody learns a value from it."""
    nullable = {"zone": {"type": "category", "values": ["a"], "nullable": True, "private": True}}
    privacy = Privacy(protocol(features=nullable), KEY)
    assert json.loads(privacy.stored(b'{"zone":null}')) == {"zone": None}
    assert privacy.stored(b"{}") == b"{}"


def test_hashes_say_nothing_of_each_other() -> None:
    """One value in two columns, or under two keys, has two hashes."""
    one, other = Privacy(protocol(**PRIVATE), KEY), Privacy(protocol(**PRIVATE), b"x" * 64)
    assert one.hashed("a", "v") == one.hashed("a", "v")
    assert len({one.hashed("a", "v"), one.hashed("b", "v"), other.hashed("a", "v"), one.hashed("a", 1)}) == 4


def test_one_part_of_a_key_is_private() -> None:
    """The other parts stay readable."""
    kind = protocol(
        source={"datasource": "db", "query": "select 1", "key": ["a", "b"]},
        columns={"a": {"type": "string", "private": True}},
    )
    privacy = Privacy(kind, KEY)
    record = msgspec.convert({**RECORD, "a": "1", "b": "2"}, request_type(kind))
    assert Encoder(kind, privacy).origin(record) == (
        None,
        json.dumps([privacy.hashed("a", "1"), "2"], separators=(",", ":")),
    )


def test_without_a_key_nothing_is_kept() -> None:
    """Rather an error than a value in the clear."""
    with pytest.raises(PulseError, match="private"):
        Privacy(protocol(**PRIVATE), None).stored(b'{"carrier":"dhl"}')
