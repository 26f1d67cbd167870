"""The loop on a real Prefect server with a real worker: events in, retrains and rollbacks out, and no more than due."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.events import deliver
from pulse_blocks.ledger import Ledger, open_ledger
from pulse_blocks.ledger.catalogue import AUTOMATION_FAILED
from pulse_blocks.lineage import trace
from pulse_blocks.lineage.text import render
from tests import loop_project, six_stages
from tests.loop_project import NAMES, VICTIM
from tests.prefect_server import Server
from tests.running_loop import Loop, drifted, running_loop
from tests.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def loop(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    """Three models, the first one served already; the project's deployments, automations and worker."""
    with running_loop(server, loop_project.make(tmp_path_factory.mktemp("loop") / "project")) as found:
        six_stages.run(found.workspace, NAMES[0])
        yield found


class Storm(NamedTuple):
    """The champion of the first model before a hundred drift events of three models, and the runs they made."""

    before: str
    runs: list[dict[str, Any]]


@pytest.fixture(scope="module")
def storm(loop: Loop) -> Storm:
    """What most of these tests begin with: whatever their order, the first model was trained again before them."""
    with open_ledger(loop.workspace.ledger) as ledger:
        before = ledger.champion(NAMES[0])
        assert before is not None
        for number in range(100):
            drifted(ledger, NAMES[number % len(NAMES)])
        assert deliver(ledger, loop.server.api) >= 100
    return Storm(before.model, loop.settled("train", 3, of=NAMES))


def test_a_storm_makes_one_retrain_for_each_model(loop: Loop, storm: Storm) -> None:
    """A hundred drift events of three models: each is trained once, on data to the end of the window that drifted."""
    assert Counter(run["parameters"]["protocol"] for run in storm.runs) == Counter(NAMES)
    assert {run["state_name"] for run in storm.runs} == {"Completed"}
    with open_ledger(loop.workspace.ledger) as ledger:
        for run in storm.runs:
            cause = ledger.cause(run["parameters"]["cause"])
            assert cause is not None
            attempt = ledger.attempt(cause.used_by)
            assert attempt is not None
            assert (attempt.name, attempt.state) == (run["parameters"]["protocol"], "completed")
        trained = next(one for one in ledger.promotions(NAMES[0]) if one.previous == storm.before)
        assert trained.model != storm.before
        assert f"Drift Check: {drift_cause(ledger)}" in render(trace(loop.workspace, trained.model))
        assert '"end":"2026-03-01T00:00:00Z"' in ledger.stage_rows("", "ingest")[-1].record.decode()


def drift_cause(ledger: Ledger) -> str:
    """The check that the first model was trained again for."""
    used = ledger.last_cause(NAMES[0], "retrain")
    return used.id if used else ""


@pytest.mark.usefixtures("storm")
def test_what_came_twice_or_from_nowhere_starts_nothing(loop: Loop) -> None:
    """A used cause and one within the cooldown are skipped, a forged one fails; no attempt is begun by any."""
    from flows.train import train

    with open_ledger(loop.workspace.ledger) as ledger:
        last = ledger.last_cause(NAMES[0], "retrain")
        assert last is not None
        fresh = drifted(ledger, NAMES[0])
        before = ledger.newest_attempts()
        for cause, what in ((last.id, "was used by"), (fresh.id, "within the cooldown")):
            state = train(NAMES[0], cause=cause, return_state=True)
            assert state.name == "Skipped"
            assert what in state.message
        for forged in ("drift_" + "0" * 26, ledger.drift_checks(NAMES[1])[0].id):
            state = train(NAMES[0], cause=forged, return_state=True)
            error = state.result(raise_on_failure=False)
            assert state.is_failed()
            assert isinstance(error, PulseError)
            assert error.code == "event.unknown_cause"
        assert ledger.newest_attempts() == before
        assert ledger.cause(fresh.id) is None
        # The same event once more: the server knows it by its id.
        with ledger._database.write() as transaction:
            transaction.execute("update outbox set sent = null where event = 'pulse.drift.detected'", ())
        deliver(ledger, loop.server.api)
        assert ledger.newest_attempts() == before


@pytest.mark.usefixtures("storm")
def test_a_regression_brings_the_champion_before_back(loop: Loop) -> None:
    """By its event and the worker; the reason is in the history. A second event finds nothing to do."""
    from flows.rollback import rollback

    with open_ledger(loop.workspace.ledger) as ledger:
        bad = ledger.champion(NAMES[0])
        assert bad is not None
        assert bad.previous is not None
        found = ledger.add_regression(NAMES[0], bad.model, bad.previous, "3 % of requests fail.", {}, bad.at)
        assert found is not None
        begun = time.monotonic()
        deliver(ledger, loop.server.api)
        assert until(lambda: _champion(ledger) == bad.previous, 60, 0.2)
        assert time.monotonic() - begun < 30
        (run,) = loop.settled("rollback", 1)
        assert "3 % of requests fail." in run["state"]["message"]
        newest = ledger.champion(NAMES[0])
        assert newest is not None
        assert newest.action == "rollback"
        assert newest.reason == f"3 % of requests fail. ({found.id})"
        assert rollback(NAMES[0], found.id, return_state=True).name == "Skipped"
        assert rollback(NAMES[0], "regression_" + "0" * 26, return_state=True).is_failed()
        assert ledger.champion(NAMES[0]) == newest


def _champion(ledger: Ledger) -> str | None:
    champion = ledger.champion(NAMES[0])
    return champion.model if champion else None


def test_a_retrain_that_is_killed_is_started_again_once(loop: Loop) -> None:
    """The run is marked Crashed, scheduled again by its automation, and goes on with its attempt and its cause."""
    with open_ledger(loop.workspace.ledger) as ledger:
        check = drifted(ledger, VICTIM)
        deliver(ledger, loop.server.api)

        def begun() -> list[tuple[Any, ...]]:
            return ledger._database.read(
                "select a.owner_pid from attempts a join stages s on s.attempt = a.id where a.name = ?",
                (VICTIM,),
            )

        assert until(lambda: bool(begun()), 90, 0.05)
        os.kill(begun()[0][0], signal.SIGKILL)

        def ended() -> bool:
            return [one.state for one in ledger.newest_attempts() if one.name == VICTIM] == ["completed"]

        assert until(ended, 120, 0.5), ledger.newest_attempts()
        used = ledger.cause(check.id)
        attempts = ledger._database.read("select id from attempts where name = ?", (VICTIM,))
        assert used is not None
        assert attempts == [(used.used_by,)]
    runs = loop.settled("train", 1, of=[VICTIM])
    assert [(run["state_name"], run["run_count"]) for run in runs] == [("Completed", 2)]


def test_a_failed_action_is_visible(loop: Loop) -> None:
    """Where an automation's action fails, `pulse automations list` says why; nothing else would."""
    from pulse_blocks.blocks.overview import overview

    with open_ledger(loop.workspace.ledger) as ledger:
        # Without a name the template has nothing for the parameter that the flow needs to be text.
        ledger.emit("pulse.model.regressed", "pulse.model.nobody", {"name": {"no": "text"}, "regression": 7})
        deliver(ledger, loop.server.api)
    name = "Pulse: model regressed, bring the champion before it back"

    def failures() -> list[str]:
        return [f.reason for one in overview(loop.workspace) if one.name == name for f in one.failures]

    assert until(lambda: bool(failures()), 60, 0.5)
    loop.settled("note-failure", 1)
    with open_ledger(loop.workspace.ledger) as ledger:
        told = next(one for one in _all_events(ledger) if one.event == AUTOMATION_FAILED.name)
        assert told.payload.keys() == AUTOMATION_FAILED.payload.keys()


def _all_events(ledger: Ledger) -> list[Any]:
    from pulse_blocks.ledger.rows import OutboxEvent

    rows = ledger._database.read("select id, event, resource, payload, at from outbox", ())
    return [
        OutboxEvent(id=i, event=e, resource=r, payload=msgspec.json.decode(p), at=at)
        for i, e, r, p, at in rows
    ]


def test_applying_again_changes_nothing(loop: Loop) -> None:
    """The ids stay, and with them the cooldowns that the server keeps; a changed file changes its own alone."""
    from pulse_blocks.blocks.automations import apply, prefect_client, standing

    root = Path(loop.workspace.root)
    with prefect_client() as client:
        before = {
            name: [one.id for one in found] for name, found in standing(client, "pulse-project:loop").items()
        }
        done = apply(root)
        assert len(done.unchanged) == len(before) >= 6
        assert (done.created, done.updated, done.deleted) == ((), (), ())
        path = root / "deployments" / "automations" / "retrain-on-drift.yaml"
        text = path.read_text()
        path.write_text(text.replace("within: 30 ", "within: 40 "))
        changed = apply(root)
        assert len(changed.updated) == 1
        path.unlink()
        assert len(apply(root).deleted) == 1
        path.write_text(text)
        assert len(apply(root).created) == 1
        after = standing(client, "pulse-project:loop")
        assert set(after) == set(before)
        assert all(len(found) == 1 for found in after.values())
