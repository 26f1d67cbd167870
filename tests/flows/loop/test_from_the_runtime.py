"""The loop from the runtime's own eyes: what it sees, on a real Prefect server with a real worker, and what follows."""

from __future__ import annotations

import json
import sqlite3
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pulse_blocks.events import deliver
from pulse_blocks.ledger import Ledger, migrate, open_ledger
from pulse_blocks.settings import Workspace
from tests import loop_project, six_stages
from tests.drifting_models import AFTER, MONITORING, WEEK, ask, dated, heavier, rows
from tests.loop_project import NAMES, VICTIM
from tests.prefect_server import Server, running_server
from tests.running_loop import Loop, drifted, running_loop
from tests.served_models import runtime
from tests.tiny_project import write_parcels
from tests.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

WATCHED, GUARDED = "ferry", "kayak"
_GUARD = "  guard: {shadow: 1, min_requests: 20}\n"


@pytest.fixture(scope="module")
def loop(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    """The small models, one whose drift the runtime watches, and one whose promotions are on probation."""
    folder = loop_project.make(tmp_path_factory.mktemp("loop") / "project")
    section = MONITORING.replace("METHOD", "wasserstein")
    loop_project.add(folder, WATCHED, section)
    loop_project.add(folder, GUARDED, section + _GUARD, datasource="kayaks")
    with running_loop(server, folder) as found:
        migrate(found.workspace.ledger)
        yield found


def post(url: str, name: str, records: list[dict[str, Any]]) -> str:
    """Ask the runtime; gives the model that answered."""
    request = urllib.request.Request(
        f"{url}/predict/{name}",
        json.dumps({"instances": records}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as reply:
        return str(reply.headers["pulse-model"])


def champion(workspace: Workspace, name: str) -> str | None:
    """The model that is champion."""
    with open_ledger(workspace.ledger) as ledger:
        found = ledger.champion(name)
        return found.model if found else None


def used_by(ledger: Ledger, name: str) -> list[tuple[Any, ...]]:
    """What has asked for runs of a model, and the attempts that were made."""
    return ledger._database.read("select id, used_by from causes where name = ?", (name,))


def test_from_a_suspicion_of_the_runtime_to_a_new_champion(loop: Loop) -> None:
    """Tripwire, event, check, event, retrain: nobody helps, each happens once, and the runtime swaps."""
    workspace = loop.workspace
    before = six_stages.run(workspace, WATCHED).deployed.model
    ask(workspace, rows(400, weight=heavier), AFTER, name=WATCHED)
    with runtime(workspace, WATCHED) as (url, _):
        assert post(url, WATCHED, dated(rows(400, seed=8, weight=heavier), AFTER + WEEK)) == before
        (run,) = loop.settled("train", 1, of=[WATCHED])
        assert run["state_name"] == "Completed", run["state"]["message"]
        after = champion(workspace, WATCHED)
        assert after != before
        assert until(lambda: post(url, WATCHED, rows(1)) == after, 15, 0.2)
    (look,) = loop.settled("drift", 1, of=[WATCHED])
    assert look["state_name"] == "Drifted"
    with open_ledger(workspace.ledger) as ledger:
        (check,) = ledger.drift_checks(WATCHED)
        assert check.verdict == "drifted"
        assert run["parameters"]["cause"] == check.id
        ((cause, attempt),) = used_by(ledger, WATCHED)
        assert cause == check.id
        assert [one.id for one in ledger.newest_attempts() if one.name == WATCHED] == [attempt]


def test_a_storm_of_suspicions_makes_one_check_for_each_model(loop: Loop) -> None:
    """A hundred suspicions of two models: the drift flow runs once for each, and nothing is trained."""
    with open_ledger(loop.workspace.ledger) as ledger:
        before = ledger.newest_attempts()
        for number in range(100):
            name = NAMES[1 + number % 2]
            ledger.emit("pulse.drift.suspected", f"pulse.model.{name}", {"name": name, "number": number})
        assert deliver(ledger, loop.server.api) >= 100
        found = loop.settled("drift", 2, of=NAMES)
        assert sorted(run["parameters"]["protocol"] for run in found) == sorted(NAMES[1:])
        assert {run["state_name"] for run in found} == {"Skipped"}
        assert ledger.newest_attempts() == before


def test_a_breach_brings_back_the_champion_and_its_data(loop: Loop) -> None:
    """A promotion whose answers are far off, trained on data that have moved: both pointers go back, recorded."""
    workspace = loop.workspace
    database = Path(workspace.root) / ".pulse" / "kayaks.db"
    write_parcels(database)
    good = six_stages.run(workspace, GUARDED)
    with sqlite3.connect(database) as db:
        db.execute("update parcels set weight = 40 + weight / 5, late = 1 - late")
    db.close()
    with runtime(workspace, GUARDED) as (url, _):
        assert post(url, GUARDED, rows(1)) == good.deployed.model
        bad = six_stages.run(workspace, GUARDED)
        assert bad.deployed.promoted
        assert until(lambda: post(url, GUARDED, rows(1)) == bad.stored.model, 15, 0.2)
        post(url, GUARDED, rows(300))
        (run,) = loop.settled("rollback", 1, of=[GUARDED])
        assert run["state_name"] == "Completed", run["state"]["message"]
        assert until(lambda: post(url, GUARDED, rows(1)) == good.stored.model, 15, 0.2)
    assert f"{good.taken.id} is the training data again" in run["state"]["message"]
    with open_ledger(workspace.ledger) as ledger:
        newest, (regression,) = ledger.champion(GUARDED), ledger.regressions(GUARDED)
        assert newest is not None
        assert (newest.action, newest.model, newest.previous) == (
            "rollback", good.stored.model, bad.stored.model,
        )  # fmt: skip
        assert regression.id in newest.reason
        restored = ledger.restored(GUARDED)
        assert restored is not None
        assert (restored.snapshot, restored.who) == (good.taken.id, newest.who)
        actions = [row.action for row in ledger.audit_rows() if row.subject == GUARDED]
        assert actions.count("snapshot.restore") == 1


def test_an_event_that_comes_twice_and_at_a_second_server_is_one_retrain(loop: Loop, tmp_path: Path) -> None:
    """The same event again, and at another Prefect server with a worker of its own: it finds the cause used."""
    name, workspace = NAMES[0], loop.workspace
    with open_ledger(workspace.ledger) as ledger:
        check = drifted(ledger, name)
        deliver(ledger, loop.server.api)
        assert [run["state_name"] for run in loop.settled("train", 1, of=[name])] == ["Completed"]
        standing = used_by(ledger, name)
        promoted = ledger.promotions(name)
        _send_again(ledger, check.id, loop.server.api)
        folder = Path(workspace.root)
        with running_server(tmp_path) as second, running_loop(second, folder) as other:
            _send_again(ledger, check.id, second.api)
            (there,) = other.settled("train", 1, of=[name])
        assert there["state_name"] == "Skipped"
        assert there["parameters"]["cause"] == check.id
        assert len(loop.settled("train", 1, of=[name])) == 1
        assert used_by(ledger, name) == standing == [(check.id, standing[0][1])]
        assert ledger.promotions(name) == promoted


def _send_again(ledger: Ledger, check: str, api: str) -> None:
    """The event of a check once more, as if nobody knew that it has been sent."""
    with ledger._database.write() as transaction:
        transaction.execute(
            "update outbox set sent = null where event = 'pulse.drift.detected' and payload like ?",
            (f"%{check}%",),
        )
    assert deliver(ledger, api) >= 1


def test_a_retrain_goes_on_after_its_worker_is_killed(loop: Loop) -> None:
    """Nobody reports the end of a machine: the silence counts as a crash, and the next worker goes on, once."""
    with open_ledger(loop.workspace.ledger) as ledger:
        check = drifted(ledger, VICTIM)
        deliver(ledger, loop.server.api)

        def begun() -> bool:
            found = "select 1 from attempts a join stages s on s.attempt = a.id where a.name = ?"
            return bool(ledger._database.read(found, (VICTIM,)))

        assert until(begun, 90, 0.02)
        loop.kill_worker()
        loop.start_worker()
        (run,) = loop.settled("train", 1, of=[VICTIM], seconds=300)
        assert (run["state_name"], run["run_count"]) == ("Completed", 2), run["state"]["message"]
        (attempt,) = [one for one in ledger.newest_attempts() if one.name == VICTIM]
        assert attempt.state == "completed"
        assert used_by(ledger, VICTIM) == [(check.id, attempt.id)]
