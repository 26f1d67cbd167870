"""Private columns: the ledger never holds their values, and everything else goes on as without them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import httpx
import msgspec
import pytest

from pulse_blocks.bundle.privacy import Privacy
from pulse_blocks.bundle.signing import signing_key
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import open_ledger
from pulse_blocks.ledger.rows import CACHED
from pulse_blocks.protocol.requests import request_type
from pulse_blocks.serving.encoding import Encoder
from pulse_blocks.settings import Workspace
from tests.served_models import FEATURES, RECORD, protocol, runtime, train_and_promote

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
