"""The cache: bounded in number and time, and never the wrong answer."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import httpx

from pulse_blocks.ledger import Ledger, open_ledger
from pulse_blocks.ledger.rows import CACHED
from pulse_blocks.serving.cache import LONGEST_INPUT, Cache
from pulse_blocks.serving.jobs import Job
from pulse_blocks.serving.model import Model
from pulse_blocks.settings import Workspace
from tests.running_engine import Running, job
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


def test_two_threads_use_it() -> None:
    """One asks, the other one puts and lets go: never an error, never another input's answer."""
    cache, stop = Cache(3, 60), threading.Event()
    texts = [b"%d" % number for number in range(8)]
    wrong: list[bytes] = []

    def ask() -> None:
        while not stop.is_set():
            wrong.extend(text for text in texts if (found := cache.get(text)) and found.output != text)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        for number in range(20_000):
            cache.put(texts[number % 8], texts[number % 8])
    finally:
        stop.set()
        thread.join()
    assert not wrong
    assert len(cache) == 3


def test_what_is_known_does_not_wait_for_the_model(workspace: Workspace, model: Model) -> None:
    """While the model computes for others, a hit has its row and its reply."""
    release, outputs = threading.Event(), model.outputs

    def slow(rows: Any) -> list[bytes]:
        assert release.wait(20)
        return outputs(rows)

    async def run(ledger: Ledger) -> Job:
        async with Running(ledger) as running:
            await running.batcher.submit(job(model, seed=1))
            model.outputs = slow  # type: ignore[method-assign]
            # Many records are nothing for the event loop.
            new, known = job(model, 100, seed=2), job(model, seed=1)
            waiting = running.batcher.submit(new)
            await running.batcher.submit(known)
            assert not waiting.done()
            release.set()
            await waiting
            return known

    with open_ledger(workspace.ledger) as ledger:
        known = asyncio.run(run(ledger))
        assert ledger.inference(known.ids[0]).flags == CACHED
        assert ledger.inference_counts([model.id]) == {model.id: 102}


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
