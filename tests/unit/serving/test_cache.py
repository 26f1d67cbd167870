"""The cache: bounded in number and time, and never the wrong answer."""

from __future__ import annotations

import json

import httpx

from pulse_blocks.ledger import open_ledger
from pulse_blocks.ledger.rows import CACHED
from pulse_blocks.serving.cache import LONGEST_INPUT, Cache
from pulse_blocks.settings import Workspace
from tests.served_models import RECORD, protocol, records, runtime, train_and_promote

from .conftest import Served


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_least_recently_used_leaves_first() -> None:
    """Never more entries than allowed; what was asked for lately stays."""
    cache = Cache(2, 60)
    for text in (b"a", b"b"):
        cache.put(text, text)
    assert cache.get(b"a")
    cache.put(b"c", b"c")
    assert len(cache) == 2
    assert cache.get(b"b") is None
    assert [found.output for text in (b"a", b"c") if (found := cache.get(text))] == [b"a", b"c"]


def test_an_answer_is_kept_for_its_time() -> None:
    """After its time an answer is gone; being asked for does not renew it."""
    clock = Clock()
    cache = Cache(10, 60, clock)
    cache.put(b"a", b"1")
    clock.now = 59.9
    assert cache.get(b"a")
    clock.now = 60.0
    assert cache.get(b"a") is None
    assert len(cache) == 0


def test_no_entries_is_no_cache() -> None:
    """A protocol may do without; the answer is still given."""
    cache = Cache(0, 60)
    assert cache.put(b"a", b"1").output == b"1"
    assert cache.get(b"a") is None


def test_long_inputs_are_not_kept() -> None:
    """Memory stays bounded whatever a client sends as a key."""
    cache = Cache(10, 60)
    cache.put(b"x" * (LONGEST_INPUT + 1), b"1")
    assert len(cache) == 0


def test_a_hit_is_an_inference_of_its_own(served: Served) -> None:
    """The same input again: another id, the same output, a row that says it was cached."""
    record = records(1, seed=77)[0]
    first, second = (
        served.client.post("/predict/parcels", content=json.dumps(record, indent=indent)).json()
        for indent in (0, 4)
    )
    kept = [served.ledger.inference(reply["inference_id"]) for reply in (first, second)]
    assert first["inference_id"] != second["inference_id"]
    assert first["probability"] == second["probability"]
    assert [row.flags for row in kept] == [0, CACHED]
    assert kept[0].input_sha256 == kept[1].input_sha256
    assert kept[0].output == kept[1].output


def test_a_new_champion_answers_anew(workspace: Workspace) -> None:
    """What one model has answered is never an answer of the next."""
    first = train_and_promote(workspace, protocol(serving={"cache": {"ttl": "1h"}}))
    with runtime(workspace, "parcels") as (url, _), httpx.Client(base_url=url) as client:
        old = client.post("/predict/parcels", json=RECORD).json()
        train_and_promote(workspace, protocol(serving={"cache": {"ttl": "1h"}}), seed=2)
        reply = old
        while reply["model"] == first.model:
            reply = client.post("/predict/parcels", json=RECORD).json()
        assert reply["probability"] != old["probability"]
        with open_ledger(workspace.ledger) as ledger:
            assert ledger.inference(reply["inference_id"]).flags == 0
