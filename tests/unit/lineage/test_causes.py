"""What Pulse did by itself: a retraining leads to its drift check, a rollback to its regression, and back."""

from __future__ import annotations

import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.ids import kind_of
from pulse_blocks.ledger.drift_checks import DriftCheck, new_drift_check_id
from pulse_blocks.ledger.table import now_us
from pulse_blocks.lineage.node import Node, Places, time_of
from pulse_blocks.lineage.text import render
from pulse_blocks.lineage.trace import inferences_on, trace_in
from tests.lineage_world import World


def drifted(world: World, model: str) -> str:
    """A drift check that asks for a run; its id."""
    check = DriftCheck(
        id=new_drift_check_id(), name="tiny", model=model, at=now_us(), window_start=0, window_end=1_000_000,
        rows=900, verdict="drifted", result="{}",
    )  # fmt: skip
    assert world.ledger.add_drift_check(check)
    return check.id


def below(node: Node, kind: str) -> list[Node]:
    """The nodes of a kind below a node."""
    return [
        found for child in node.children for found in ([child] if child.kind == kind else below(child, kind))
    ]


@pytest.mark.parametrize("same_trees", [False, True])
def test_a_retraining_leads_to_its_drift_check_and_back(world: World, same_trees: bool) -> None:
    """From the model to the check, from the check to run and model; also where the same trees grew again."""
    snapshot, later = world.snapshot(), world.snapshot("b")
    before = world.train(snapshot)
    world.keep(before, snapshot)
    check = drifted(world, before.model)
    again = world.train(later, "a" if same_trees else "b")
    world.keep(again, later)
    attempt = world.ledger.stage_rows(again.run, "train")[0].attempt
    world.ledger.use_cause(check, "retrain", "tiny", attempt)

    forward = trace_in(world.ledger, world.store, check)
    assert (forward.kind, forward.facts["judged"], forward.facts["verdict"]) == (
        "drift",
        before.model,
        "drifted",
    )
    assert [run.id for run in below(forward, "run")] == [again.run]
    assert [model.id for model in below(forward, "model")] == [again.model]
    if not same_trees:
        back = trace_in(world.ledger, world.store, again.model)
        assert [one.id for one in below(back, "drift")] == [check]
        assert f"Drift Check: {check}" in render(back)
        assert below(trace_in(world.ledger, world.store, before.model), "drift") == []


def test_a_rollback_leads_to_its_regression_and_back(world: World) -> None:
    """The pointer that went back names what made it; the regression says who went back."""
    snapshot = world.snapshot()
    first = world.keep(world.train(snapshot), snapshot)
    second = world.keep(world.train(snapshot, "b"), snapshot)
    world.promote(first)
    world.promote(second)
    breach = world.ledger.add_regression("tiny", second.model, first.model, "errors: 9 %.", {}, 0)
    assert breach is not None
    world.ledger.promote(
        name="tiny", model=first.model, bundle=first.bundle, bundle_sha256=first.bundle_sha256, version="1",
        run=first.run, attempt=None, reason=f"errors: 9 %. ({breach.id})", who="guard by a test", action="rollback",
    )  # fmt: skip
    world.ledger.use_cause(breach.id, "rollback", "tiny", "guard by a test")
    (found,) = below(trace_in(world.ledger, world.store, "tiny"), "regression")
    assert (found.id, found.facts["judged"], found.facts["reason"]) == (
        breach.id,
        second.model,
        "errors: 9 %.",
    )
    assert [one.id for one in below(trace_in(world.ledger, world.store, "tiny"), "rollback")] == [
        "rollback_3"
    ]
    assert [one.id for one in below(trace_in(world.ledger, world.store, "rollback_3"), "regression")] == [
        breach.id
    ]
    root = trace_in(world.ledger, world.store, breach.id)
    assert root.facts["rollback"].startswith("by guard by a test at 20")
    assert f"Regression: {breach.id}" in render(root)


def test_a_rollback_by_hand_is_told_from_every_side(world: World) -> None:
    """The name, the model that came back and the rollback itself lead to each other; promotions are no rollbacks."""
    snapshot = world.snapshot()
    first = world.keep(world.train(snapshot), snapshot)
    second = world.keep(world.train(snapshot, "b"), snapshot)
    world.promote(first)
    world.promote(second)
    back = world.ledger.promote(
        name="tiny", model=first.model, bundle=first.bundle, bundle_sha256=first.bundle_sha256, version="1",
        run=first.run, attempt=None, reason="complaints from the field", who="ann@desk", action="rollback",
    )  # fmt: skip
    rollback = f"rollback_{back.seq}"
    for asked in ("tiny", first.model):
        (found,) = below(trace_in(world.ledger, world.store, asked), "rollback")
        assert (found.id, found.facts["instead_of"], found.facts["who"]) == (
            rollback,
            second.model,
            "ann@desk",
        )
    assert below(trace_in(world.ledger, world.store, second.model), "rollback") == []
    root = trace_in(world.ledger, world.store, rollback)
    assert [one.id for one in below(root, "model")] == [first.model]
    assert [one.id for one in below(root, "snapshot")] == [snapshot.id]
    text = render(root)
    assert f"Rollback: {rollback}" in text
    assert f"Instead Of: {second.model}" in text
    for unknown in (f"rollback_{back.seq - 1}", "rollback_99"):
        with pytest.raises(PulseError, match="knows no rollback"):
            trace_in(world.ledger, world.store, unknown)


def test_a_restore_leads_to_its_runs_and_back(world: World) -> None:
    """From the run to who brought its data back, from there to the snapshot, the run and its model; no other run."""
    snapshot = world.snapshot()
    world.keep(world.train(snapshot), snapshot)
    brought = world.ledger.restore("tiny", snapshot.id, "ann@desk")
    said = f"{snapshot.id} by ann@desk at {time_of(brought.at)}"
    again = world.train(snapshot, "b", restored=said)
    world.keep(again, snapshot)
    for asked in (again.run, again.model):
        tree = trace_in(world.ledger, world.store, asked)
        (found,) = below(tree, "restore")
        assert (found.id, found.facts["who"]) == (f"restore_{brought.seq}", "ann@desk")
    (seen,) = below(trace_in(world.ledger, world.store, snapshot.id), "restore")
    assert seen.id == found.id
    root = trace_in(world.ledger, world.store, found.id)
    assert [one.id for one in below(root, "snapshot")] == [snapshot.id]
    assert [one.id for one in below(root, "run")] == [again.run]
    assert f"Restore: {found.id}" in render(root)
    world.ledger.undo_restore("tiny", "bob")
    for unknown in (f"restore_{brought.seq + 1}", "restore_99"):
        with pytest.raises(PulseError, match="knows no restore"):
            trace_in(world.ledger, world.store, unknown)


def test_what_is_no_cause(world: World) -> None:
    """Unknown ids are refused, other names that begin alike are names, and no inference stands on a check."""
    unknown = new_drift_check_id()
    with pytest.raises(PulseError, match="knows no drift check"):
        trace_in(world.ledger, world.store, unknown)
    with pytest.raises(PulseError, match="stands on"):
        list(inferences_on(Places(ledger=world.ledger, store=world.store), unknown))
    assert (kind_of(unknown), kind_of("drift_data"), kind_of("regression_")) == ("cause", None, None)
