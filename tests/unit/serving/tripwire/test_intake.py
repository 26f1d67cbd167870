"""Answered requests on their way to the tripwire: bounded, sampled, and never able to fail a reply."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pulse_blocks import settings
from pulse_blocks.bundle.signing import signing_key
from pulse_blocks.ids import new_inference_ids
from pulse_blocks.ledger import Ledger, open_ledger
from pulse_blocks.ledger.windows import Observed
from pulse_blocks.serving.batcher import Batcher
from pulse_blocks.serving.champions import Slot
from pulse_blocks.serving.jobs import Job
from pulse_blocks.serving.metrics import Metrics
from pulse_blocks.serving.model import Model
from pulse_blocks.serving.tripwire import intake
from pulse_blocks.serving.tripwire.intake import Intake
from pulse_blocks.serving.tripwire.watching import Tripwire
from pulse_blocks.settings import Workspace
from pulse_blocks.stores import open_store
from tests.drifting_models import rows
from tests.running_engine import Client
from tests.served_models import train_and_promote
from tests.waiting import until


def test_an_old_bundle_is_silent(tmp_path: Path) -> None:
    """Without a reference no record is kept, and no metric is told."""
    workspace = settings.load(tmp_path, environ={})
    promotion = train_and_promote(workspace)
    model = Model.load(open_store(workspace.store), promotion, signing_key(workspace))
    taken = Intake()
    taken.put(job(model, [{"weight": 2.5, "distance": 1.0, "carrier": "van", "stops": 1, "express": True}]))
    assert taken.drain() == ([], 0)


def job(model: Model, records: Sequence[dict[str, Any]]) -> Job:
    """An answered request."""
    asked = [msgspec.convert(record, model.record, strict=False) for record in records]
    made = Job(model, asked, 0, 1, Client())
    answers = [model.answer(one, said) for one, said in zip(asked, model.outputs(asked), strict=True)]
    made.add(asked, answers, [False] * len(asked), new_inference_ids(len(asked)))
    return made


def test_what_is_too_much_is_sampled_evenly(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """The intake is bounded, every record has the same chance, and how many were left out is known."""
    monkeypatch.setattr(intake, "MOST_WAITING", 200)
    taken, asked = Intake(), job(model, rows(50))
    for _ in range(40):
        taken.put(asked)
    kept, skipped = taken.drain()
    assert (len(kept), skipped) == (200, 1800)
    monkeypatch.setattr(intake, "MOST_OF_ONE", 10)
    taken.put(asked)
    kept, skipped = taken.drain()
    assert (len(kept), skipped) == (10, 40)
    assert taken.drain() == ([], 0)


class Broken(Ledger):
    """A ledger that fails in a way that nobody has thought of."""

    def latest_observed(self, model: str, most: int) -> list[Observed]:  # noqa: ARG002 - the signature of what it replaces
        raise RuntimeError("secret")


def test_whatever_fails_fails_here_alone(
    workspace: Workspace, model: Model, caplog: pytest.LogCaptureFixture
) -> None:
    """The thread goes on, says what kind of failure it was and nothing of what was asked; nobody waits for it."""
    with open_ledger(workspace.ledger) as ledger:
        ledger.__class__ = Broken
        slot = Slot("tiny", model, 1, Batcher.__new__(Batcher))
        tripwire = Tripwire(ledger, {"tiny": slot}, Metrics(), lambda: None)
        for _ in range(2):
            tripwire.see(job(model, rows(5)))
            assert until(lambda: "RuntimeError" in caplog.text, 5)
            caplog.clear()
        tripwire.close()
    assert "secret" not in caplog.text
    assert slot.drift is None
