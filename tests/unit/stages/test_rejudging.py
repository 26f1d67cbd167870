"""Two runs of one model at once: each was judged against a champion that the other has replaced by the end."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from pulse_blocks import settings
from pulse_blocks.ledger import Ledger, open_ledger
from pulse_blocks.protocol import loading
from pulse_blocks.protocol.window import resolve
from pulse_blocks.records import StoredModel, TrainedModel, to_json
from pulse_blocks.settings import Workspace
from pulse_blocks.stages.context import Context
from pulse_blocks.stages.deploy import deploy
from pulse_blocks.stages.store import store
from pulse_blocks.stages.train import train
from tests import six_stages
from tests.tiny_project import PROTOCOL

BEST, WORSE = 60, 3


@pytest.fixture
def workspace(project: Path) -> Workspace:
    return settings.load(project, environ={})


def first(workspace: Workspace) -> six_stages.Outcome:
    """A champion that both runs beat."""
    write(workspace, 1)
    return six_stages.run(workspace)


def write(workspace: Workspace, rounds: int) -> None:
    (workspace.protocols / "tiny.yaml").write_text(PROTOCOL.replace("rounds: 20", f"rounds: {rounds}"))


def stored(
    workspace: Workspace, ledger: Ledger, before: six_stages.Outcome, rounds: int
) -> tuple[TrainedModel, StoredModel, Context]:
    """A run as far as its model is stored."""
    write(workspace, rounds)
    protocol = loading.load(loading.find(workspace, "tiny"))
    attempt = ledger.begin("tiny", str(rounds)).id
    window = resolve(protocol, None, None, dt.datetime.now(dt.UTC))
    context = Context(protocol=protocol, workspace=workspace, window=window, attempt=attempt)
    ledger.finish_stage(attempt, "validate", before.data.snapshot, to_json(before.data), 1.0)
    model = train(before.data, context)
    ledger.finish_stage(attempt, "train", model.run, to_json(model), 1.0)
    return model, store(model, context), context


def test_the_second_is_judged_against_the_first(workspace: Workspace) -> None:
    """A worse model does not replace a better one that it never met; one that is better does."""
    before = first(workspace)
    with open_ledger(workspace.ledger) as ledger:
        best, its, context = stored(workspace, ledger, before, BEST)
        worse, other, elsewhere = stored(workspace, ledger, before, WORSE)
        assert best.metrics["roc_auc"] - 0.01 > worse.metrics["roc_auc"]
        assert best.champion == worse.champion == before.model.model
        assert deploy(its, context).promoted
        kept = deploy(other, elsewhere)
        assert not kept.promoted
        assert kept.champion == best.model
        assert f"{best.model} on the same" in kept.reason
        assert deploy(its, context).promoted, "the same attempt once more gives the same"
        assert [one.model for one in ledger.promotions("tiny")] == [before.model.model, best.model]


def test_the_better_one_may_come_second(workspace: Workspace) -> None:
    """Where it holds its gates against who came in between, it is champion."""
    before = first(workspace)
    with open_ledger(workspace.ledger) as ledger:
        best, its, context = stored(workspace, ledger, before, BEST)
        worse, other, elsewhere = stored(workspace, ledger, before, WORSE)
        assert deploy(other, elsewhere).champion == worse.model
        assert deploy(its, context).champion == best.model
