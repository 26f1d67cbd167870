"""What starts a run starts it once."""

from __future__ import annotations

import threading

from pulse_blocks.ledger import migrate, open_ledger
from pulse_blocks.settings import Workspace


def test_whoever_is_first_has_a_cause(any_ledger: Workspace) -> None:
    """Nobody else gets it, in whatever order they ask; whoever has it may go on."""
    migrate(any_ledger.ledger)
    with open_ledger(any_ledger.ledger) as ledger:
        assert ledger.cause("drift_1") is None
        assert ledger.use_cause("drift_1", "retrain", "tiny", "attempt_1") is None
        assert ledger.use_cause("drift_1", "retrain", "tiny", "attempt_1") is None
        standing = ledger.use_cause("drift_1", "retrain", "tiny", "attempt_2")
        assert standing is not None
        assert standing == ledger.cause("drift_1") == ledger.cause_of("attempt_1")
        assert standing.used_by == "attempt_1"
        assert ledger.cause_of("attempt_2") is None


def test_of_many_at_once_one_has_it(any_ledger: Workspace) -> None:
    """Threads with connections of their own all ask for the same cause."""
    migrate(any_ledger.ledger)
    got: list[str] = []

    def ask(who: str) -> None:
        with open_ledger(any_ledger.ledger) as ledger:
            if ledger.use_cause("drift_1", "retrain", "tiny", who) is None:
                got.append(who)

    threads = [threading.Thread(target=ask, args=(f"attempt_{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1


def test_another_cause_waits_for_the_cooldown(any_ledger: Workspace) -> None:
    """Of the same name and kind; another name, or another kind, does not wait."""
    migrate(any_ledger.ledger)
    with open_ledger(any_ledger.ledger) as ledger:
        assert ledger.use_cause("drift_1", "retrain", "tiny", "attempt_1", 3600) is None
        standing = ledger.use_cause("drift_2", "retrain", "tiny", "attempt_2", 3600)
        assert standing is not None
        assert standing.id == "drift_1"
        assert ledger.cause("drift_2") is None
        assert ledger.use_cause("drift_3", "retrain", "other", "attempt_3", 3600) is None
        assert ledger.use_cause("drift_4", "rollback", "tiny", "attempt_4", 3600) is None
        assert ledger.use_cause("drift_2", "retrain", "tiny", "attempt_2", 0) is None
        assert ledger.last_cause("tiny", "retrain") == ledger.cause("drift_2")


def test_a_regression_is_recorded_once_with_its_event(any_ledger: Workspace) -> None:
    """However many runtimes see the breach of one promotion; the next promotion may breach again."""
    migrate(any_ledger.ledger)
    with open_ledger(any_ledger.ledger) as ledger:
        first = ledger.add_regression("tiny", "tiny@1-b", "tiny@1-a", "slow", {"latency": 4.0}, since=0)
        assert first is not None
        assert first.id.startswith("regression_")
        assert ledger.add_regression("tiny", "tiny@1-b", "tiny@1-a", "slow", {}, since=0) is None
        again = ledger.add_regression("tiny", "tiny@1-b", "tiny@1-a", "slow", {}, since=first.at + 1)
        assert ledger.regressions("tiny") == [first, again]
        assert ledger.regression(first.id) == first
        assert ledger.regression("regression_0") is None
        events = ledger.unsent()
        assert [event.event for event in events] == ["pulse.model.regressed"] * 2
        assert events[0].payload["regression"] == first.id


def test_a_failed_action_is_noted_once(any_ledger: Workspace) -> None:
    """The event of Prefect is its id; the newest comes first."""
    migrate(any_ledger.ledger)
    with open_ledger(any_ledger.ledger) as ledger:
        assert ledger.note_automation_failure("1", "Pulse: retrain", "run-deployment", "no such deployment")
        assert not ledger.note_automation_failure("1", "Pulse: retrain", "run-deployment", "again")
        assert ledger.note_automation_failure("2", "Pulse: retrain", "run-deployment", "again")
        assert [failure.id for failure in ledger.automation_failures()] == ["2", "1"]
