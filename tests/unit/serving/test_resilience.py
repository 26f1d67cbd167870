"""What happens when a model or the ledger fails, hangs or is late: circuits, the fallback, deadlines."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import Any

import httpx
import pytest

from pulse_blocks.ledger import Ledger, open_ledger
from pulse_blocks.ledger.rows import FALLBACK
from pulse_blocks.serving.failures import NotNowError
from pulse_blocks.serving.journal import RESET_SECONDS
from pulse_blocks.serving.model import Model
from pulse_blocks.settings import Workspace
from tests.running_engine import Running, job
from tests.served_models import FEATURES, RECORD, protocol, records, runtime, train_and_promote

from .conftest import load

# No probability is this small: a model under this contract fails with every answer.
IMPOSSIBLE = {"output": {"probability": {"ge": 0, "le": 1e-12}}}


def broken(fallback: str, **serving: Any) -> dict[str, Any]:
    """Sections of a contract that its model cannot keep."""
    breaker = {"failures": 3, "reset": "1s", "fallback": fallback}
    return {"version": "1.1.0", "serving": {"breaker": breaker, **serving}, **IMPOSSIBLE}


def samples(client: httpx.Client) -> dict[str, float]:
    """The metrics by name and labels."""
    lines = client.get("/metrics").text.splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line[0] != "#"}


def wait_for(client: httpx.Client, sample: str, value: float, seconds: float = 5) -> None:
    """Until a metric has a value."""
    deadline = time.monotonic() + seconds
    while samples(client).get(sample) != value:
        assert time.monotonic() < deadline, (sample, client.get("/metrics").text)
        time.sleep(0.05)


def test_the_previous_champion_answers_where_the_protocol_says_so(workspace: Workspace) -> None:
    """Reply, headers, ledger row and metrics name the model that answered; the event names the one that failed."""
    first = train_and_promote(workspace, protocol(), seed=1)
    second = train_and_promote(workspace, protocol(**broken("previous-version")), seed=2)
    with runtime(workspace, "parcels") as (url, _), httpx.Client(base_url=url) as client:
        wait_for(client, f'pulse_fallback_info{{model="parcels",id="{first.model}"}}', 1)
        rows = records(6, seed=5)
        one = client.post("/predict/parcels", json=RECORD)
        many = client.post("/predict/parcels", json={"instances": rows}).json()["predictions"]
        for _ in range(3):
            client.post("/predict/parcels", json=RECORD).raise_for_status()
        found = samples(client)
        assert one.headers["pulse-model"] == one.json()["model"] == first.model
        assert {prediction["model"] for prediction in many} == {first.model}
        assert found[f'pulse_circuit_state{{circuit="model",model="{second.model}"}}'] == 2
        assert found[f'pulse_model_failures_total{{model="{second.model}"}}'] == 3
        assert found[f'pulse_fallbacks_total{{model="{first.model}"}}'] == 5
        time.sleep(0.7)
    with open_ledger(workspace.ledger) as ledger:
        kept = ledger.inference(one.json()["inference_id"])
        assert (kept.model, kept.flags & FALLBACK) == (first.model, FALLBACK)
        assert json.loads(kept.output)["probability"] == one.json()["probability"]
        events = [event for event in ledger.unsent() if event.event == "pulse.circuit.opened"]
        assert [(event.resource, event.payload["model"]) for event in events] == [
            ("pulse.model.parcels", second.model)
        ]


def test_a_promotion_makes_the_old_champion_the_fallback(workspace: Workspace) -> None:
    """Who was champion until the swap answers where the new one fails."""
    first = train_and_promote(workspace, protocol(), seed=1)
    with runtime(workspace, "parcels") as (url, _), httpx.Client(base_url=url) as client:
        second = train_and_promote(workspace, protocol(**broken("previous-version")), seed=2)
        wait_for(client, f'pulse_model_info{{model="parcels",id="{second.model}"}}', 1)
        assert client.post("/predict/parcels", json=RECORD).json()["model"] == first.model


def test_without_a_fallback_it_is_503(workspace: Workspace) -> None:
    """Until the circuit may be tried again, as Retry-After says; then the model is tried once more."""
    model = train_and_promote(workspace, protocol(**broken("none")))
    with runtime(workspace, "parcels") as (url, _), httpx.Client(base_url=url) as client:
        replies = [client.post("/predict/parcels", json=RECORD) for _ in range(5)]
        assert {reply.status_code for reply in replies} == {503}
        assert {reply.headers["retry-after"] for reply in replies} == {"1"}
        assert [reply.json()["error"]["code"] for reply in replies] == ["model.output"] * 3 + [
            "serving.circuit_open"
        ] * 2
        failures = f'pulse_model_failures_total{{model="{model.model}"}}'
        assert samples(client)[failures] == 3
        time.sleep(1.1)
        assert client.post("/predict/parcels", json=RECORD).json()["error"]["code"] == "model.output"
        assert samples(client)[failures] == 4
        with open_ledger(workspace.ledger) as ledger:
            assert ledger.inference_counts([model.model]) == {model.model: 0}


def test_records_that_the_fallback_does_not_take(workspace: Workspace) -> None:
    """A previous version with a narrower contract refuses what it was not made for: 503, never a guess."""
    narrow = {**FEATURES, "stops": {"type": "int", "ge": 0, "le": 2}}
    train_and_promote(workspace, protocol(features=narrow), seed=1)
    train_and_promote(workspace, protocol(**broken("previous-version")), seed=2)
    with runtime(workspace, "parcels") as (url, _), httpx.Client(base_url=url) as client:
        wait_for(client, 'pulse_waiting_requests{model="parcels"}', 0)
        deadline = time.monotonic() + 5
        while "pulse_fallback_info{" not in client.get("/metrics").text:
            assert time.monotonic() < deadline
        few, more = (
            client.post("/predict/parcels", json={**RECORD, "stops": stops}).status_code for stops in (2, 3)
        )
        assert (few, more) == (200, 503)


def test_one_bad_record_does_not_fail_its_neighbours(model: Model, ledger: Ledger) -> None:
    """Of a batch only the request fails whose record the model cannot answer."""
    render = model._render

    def bad_below(values: Any) -> list[bytes]:
        if any(value == poison for value in values):
            raise ValueError("a record that the model cannot answer")
        return render(values)

    async def run() -> list[Any]:
        async with Running(ledger) as running:
            jobs = [job(model, 2, seed=seed) for seed in range(8)]
            return await asyncio.gather(*map(running.batcher.submit, jobs), return_exceptions=True)

    poison = model.values(job(model, 2, seed=3).records)[1]
    model._render = bad_below
    results = asyncio.run(run())
    assert [number for number, result in enumerate(results) if result is not None] == [3]
    assert isinstance(results[3], NotNowError)
    assert ledger.inference_counts([model.id]) == {model.id: 14}


def test_a_model_that_hangs_is_left_alone(model: Model, ledger: Ledger, workspace: Workspace) -> None:
    """Its requests are answered by the fallback in bounded time, others go on, and it gets its circuit opened."""
    other = load(workspace, protocol(version="1.2.0"))
    model.hang_ns = int(0.2e9)
    # Trees that may lead in circles: no other model hangs, and no such one is called on the event loop.
    model._is_finite = False
    release, outputs = threading.Event(), model.outputs

    def hang(rows: Any) -> list[bytes]:
        release.wait(20)
        return outputs(rows)

    async def run() -> tuple[float, list[Any]]:
        async with Running(ledger) as running:
            running.batcher.fallback = other
            model.outputs = hang  # type: ignore[method-assign]
            started = time.monotonic()
            jobs = [job(model, seed=seed) for seed in range(5)] + [job(other, seed=9)]
            await asyncio.gather(*map(running.batcher.submit, jobs))
            took = time.monotonic() - started
            release.set()
            await asyncio.sleep(0.1)
            assert running.batcher.waiting == 0
            return took, jobs

    took, jobs = asyncio.run(run())
    assert took < 2
    assert {each.model.id for each in jobs} == {other.id}
    assert [each.flags for each in jobs] == [FALLBACK] * 5 + [0]
    assert model.circuit.state == "open"
    assert ledger.inference_counts([model.id, other.id]) == {model.id: 0, other.id: 6}


def test_a_model_that_hangs_does_not_keep_the_runtime(model: Model, ledger: Ledger) -> None:
    """Closing waits for a model as long as it may hang, and then ends, whatever the model does."""
    model.hang_ns = int(0.2e9)
    model._is_finite = False
    release = threading.Event()
    model.outputs = lambda _: [str(release.wait(20)).encode()]  # type: ignore[method-assign]

    async def run() -> tuple[float, Any]:
        async with Running(ledger) as running:
            future = running.batcher.submit(job(model))
            await asyncio.sleep(0.05)
            started = time.monotonic()
        return time.monotonic() - started, future.exception()

    took, error = asyncio.run(run())
    release.set()
    assert took < 2
    assert isinstance(error, NotNowError)


def test_without_a_ledger_requests_are_refused_before_they_are_read(model: Model, ledger: Ledger) -> None:
    """Three failed commits open the ledger's circuit: 503 at once; after its reset it is tried again."""
    connection = ledger._database._writer  # type: ignore[attr-defined]
    pages = connection.execute("pragma page_count").fetchone()[0]

    async def run() -> None:
        async with Running(ledger) as running:
            connection.execute(f"pragma max_page_count = {pages + 1}")
            for _ in range(3):
                with pytest.raises(NotNowError, match="ledger"):
                    await running.batcher.submit(job(model, 500))
            with pytest.raises(NotNowError) as refused:
                running.batcher.admit(model, job(model).deadline)
            assert 0 < refused.value.retry_after <= RESET_SECONDS
            assert running.engine.circuit.state == "open"
            connection.execute("pragma max_page_count = 1000000")
            await asyncio.sleep(RESET_SECONDS)
            running.batcher.admit(model, job(model).deadline)
            await running.batcher.submit(job(model))
            assert running.engine.circuit.state == "closed"

    asyncio.run(run())
