"""Micro-batches, the bounded queue, and what happens when model or ledger fail."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import Ledger
from pulse_blocks.serving import batcher
from pulse_blocks.serving.failures import NotNowError
from pulse_blocks.serving.jobs import Job
from pulse_blocks.serving.metrics import Metrics
from pulse_blocks.serving.model import Model
from pulse_blocks.serving.refusals import as_refusal
from tests.running_engine import Running, job


def test_what_arrives_in_one_turn_is_one_call_and_one_commit(model: Model, ledger: Ledger) -> None:
    """Sixty jobs of one turn are one call of the model and one transaction, each with its own reply."""

    async def run() -> tuple[Metrics, list[Job]]:
        async with Running(ledger) as running:
            jobs = [job(model, seed=seed) for seed in range(60)]
            await asyncio.gather(*[running.batcher.submit(each) for each in jobs])
            return running.metrics, jobs

    metrics, jobs = asyncio.run(run())
    assert (metrics.batches, metrics.batched_rows, metrics.commits) == (1, 60, 1)
    for each in jobs:
        kept = ledger.inference(each.ids[0])
        assert kept.output.encode()[1:] in each.replies[0]
        assert kept.input.encode() == msgspec.json.encode(each.records[0])


def test_a_batch_is_never_larger_than_the_protocol_says(model: Model, ledger: Ledger) -> None:
    """A thousand rows are computed 64 at a time, and small requests pass between."""

    async def run() -> tuple[Metrics, list[str]]:
        async with Running(ledger) as running:
            done: list[str] = []

            async def ask(name: str, each: Job) -> None:
                await running.batcher.submit(each)
                done.append(name)

            await asyncio.gather(ask("large", job(model, 1000)), ask("small", job(model, seed=99)))
            return running.metrics, done

    metrics, done = asyncio.run(run())
    assert metrics.batched_rows == 1001
    assert metrics.batches in {16, 17}
    assert done == ["small", "large"]


def test_a_full_queue_refuses_at_once(model: Model, ledger: Ledger) -> None:
    """Beyond its limit a request is a 503 with Retry-After; those in the queue are answered, and it frees up."""

    async def run() -> NotNowError:
        model.queue = 3
        async with Running(ledger) as running:
            waiting = [running.batcher.submit(job(model)) for _ in range(3)]
            with pytest.raises(NotNowError) as refused:
                running.batcher.admit(model, job(model).deadline)
            await asyncio.gather(*waiting)
            assert running.batcher.waiting == 0
            running.batcher.admit(model, job(model).deadline)
            assert running.metrics.shed == 1
            return refused.value

    refusal = as_refusal(asyncio.run(run()))
    assert (refusal.status, refusal.code, refusal.retry_after) == (503, "serving.overloaded", 1)


def test_very_many_rows_fill_the_queue(model: Model, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few requests they are: memory goes by rows. The next request is taken once they are answered."""
    monkeypatch.setattr(batcher, "MOST_ROWS_WAITING", 2000)

    async def run() -> None:
        async with Running(ledger) as running:
            first = running.batcher.submit(job(model, 1999))
            running.batcher.admit(model, job(model).deadline)
            second = running.batcher.submit(job(model))
            with pytest.raises(NotNowError, match="waiting"):
                running.batcher.admit(model, job(model).deadline)
            await asyncio.gather(first, second)
            running.batcher.admit(model, job(model).deadline)

    asyncio.run(run())


def test_no_reply_where_the_ledger_is_full(model: Model, ledger: Ledger) -> None:
    """A disk that is full (SQLite's own limit) fails the requests, and they are not in the ledger."""
    connection = ledger._database._writer  # type: ignore[attr-defined]
    pages = connection.execute("pragma page_count").fetchone()[0]

    async def run() -> tuple[list[Any], Job, Running]:
        async with Running(ledger) as running:
            connection.execute(f"pragma max_page_count = {pages + 1}")
            failed = await asyncio.gather(
                *[running.batcher.submit(job(model, 200)) for _ in range(3)], return_exceptions=True
            )
            connection.execute("pragma max_page_count = 1000000")
            after = job(model)
            await running.batcher.submit(after)
            return failed, after, running

    failed, after, running = asyncio.run(run())
    assert [getattr(error, "code", None) for error in failed] == ["ledger.unavailable"] * 3
    assert ledger.inference_counts([model.id]) == {model.id: 1}
    assert ledger.inference(after.ids[0])
    assert running.batcher.waiting == 0
    assert running.metrics.commit_failures > 0


def test_a_model_that_fails_fails_its_requests_only(model: Model, ledger: Ledger) -> None:
    """An output that the protocol does not allow never leaves; the next request is answered."""

    async def run() -> PulseError:
        async with Running(ledger) as running:
            good = model._render
            model._render = lambda _: good([float("nan")])
            with pytest.raises(PulseError) as error:
                await running.batcher.submit(job(model))
            model._render = lambda values: [b"{}"] * (len(values) // 0)
            with pytest.raises(PulseError, match="failed to answer"):
                await running.batcher.submit(job(model, 100))
            model._render = good
            await running.batcher.submit(job(model))
            assert running.batcher.waiting == 0
            return error.value

    assert asyncio.run(run()).code == "model.output"
    assert ledger.inference_counts([model.id]) == {model.id: 1}


def test_a_cancelled_request_is_not_computed(model: Model, ledger: Ledger) -> None:
    """Who gives up before the batch leaves costs nothing, and the others get their own replies."""

    async def run() -> tuple[Metrics, Job]:
        async with Running(ledger) as running:
            other = job(model, seed=7)
            gone, stays = running.batcher.submit(job(model)), running.batcher.submit(other)
            gone.cancel()
            await stays
            assert running.batcher.waiting == 0
            return running.metrics, other

    metrics, other = asyncio.run(run())
    assert metrics.batched_rows == 1
    assert ledger.inference(other.ids[0]).input.encode() == msgspec.json.encode(other.records[0])


def test_closing_writes_what_waits(model: Model, ledger: Ledger) -> None:
    """An engine that is closed has committed everything that it was given."""

    async def run() -> Job:
        async with Running(ledger) as running:
            last = job(model, 10)
            running.batcher.submit(last)
            await asyncio.sleep(0)
            return last

    last = asyncio.run(run())
    assert [ledger.inference(inference_id).id for inference_id in last.ids] == last.ids


def test_a_large_request_does_not_shut_others_out(model: Model, ledger: Ledger) -> None:
    """What was learned from single records says nothing about 20,000 in one request, and small ones pass it."""

    async def run() -> int:
        async with Running(ledger) as running:
            for seed in range(100):
                await running.batcher.submit(job(model, seed=seed))
            large = running.batcher.submit(job(model, 20_000))
            passed = 0
            while not large.done():
                small = job(model, seed=passed + 1_000, seconds=5)
                running.batcher.admit(model, small.deadline)
                await running.batcher.submit(small)
                passed += 1
            await large
            return passed

    assert asyncio.run(run()) > 1
