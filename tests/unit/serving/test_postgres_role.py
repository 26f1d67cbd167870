"""The runtime on PostgreSQL needs no more rights than docs/security.md says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pulse_blocks import settings
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import open_ledger
from pulse_blocks.ledger.postgres_line import connect
from pulse_blocks.settings import Workspace
from tests.absent_ledger import absent
from tests.events_api import Api
from tests.postgres_server import PostgresServer
from tests.served_models import RECORD, promote, protocol, records, runtime, train_and_promote
from tests.waiting import until

from .probation.test_probation import GUARD, ask, inverted

PROTOCOL = protocol(serving={"spool": True}, monitoring=GUARD)
GRANTS = (Path(__file__).parents[3] / "docs" / "security.md").read_text(encoding="utf-8")


@pytest.fixture
def restricted(workspace: Workspace, postgres_server: PostgresServer) -> Iterator[Workspace]:
    """A workspace whose ledger is opened by a role with these rights only."""
    owner = postgres_server.new_database()
    path = workspace.folder / settings.FILE
    path.parent.mkdir()
    path.write_text(f'ledger = "{owner}"\n')
    (workspace.folder / "signing.key").touch(mode=0o600)
    (workspace.folder / "signing.key").write_text("k" * 64)
    train_and_promote(settings.load(Path(workspace.root), environ={}), PROTOCOL)
    statements = GRANTS.partition("```sql\n")[2].partition("```")[0]
    with connect(owner) as connection:
        connection.execute("drop role if exists runtime_only")
        connection.execute("create role runtime_only login")
        connection.execute(statements.encode())
    path.write_text(f'ledger = "{owner.replace("pulse@", "runtime_only@")}"\n')
    yield settings.load(Path(workspace.root), environ={})
    with connect(owner) as connection:
        connection.execute("drop owned by runtime_only")
        connection.execute("drop role runtime_only")


def owned(restricted: Workspace) -> Workspace:
    """The same workspace as the owner of its ledger has it."""
    owner = restricted.ledger.replace("runtime_only@", "pulse@")
    return settings.load(Path(restricted.root), environ={"PULSE_LEDGER": owner})


def test_it_predicts_and_takes_labels(restricted: Workspace) -> None:
    """And answers for where a prediction comes from."""
    with runtime(restricted, "parcels") as (url, _), httpx.Client(base_url=url) as client:
        reply = client.post("/predict/parcels", json=RECORD).raise_for_status().json()
        label = {"inference_id": reply["inference_id"], "value": True}
        assert client.post("/feedback", json=label).raise_for_status().json()["recorded"] == 1
        assert client.get("/readyz").status_code == 200


def test_what_it_spools_gets_to_the_ledger(restricted: Workspace) -> None:
    """Rows that waited on disk arrive, and so do those that came after them."""
    with runtime(restricted, "parcels") as (url, _), httpx.Client(base_url=url) as client:

        def predicted(weight: float) -> str:
            reply = client.post("/predict/parcels", json={**RECORD, "weight": weight})
            return str(reply.raise_for_status().json()["inference_id"])

        with absent(owned(restricted)):
            ids = [predicted(weight) for weight in range(6)]
        ids.append(predicted(9))
        assert until(lambda: client.get("/readyz").json()["spooled_rows"] == 0, 10)
    with open_ledger(restricted.ledger) as ledger:
        assert set(ledger.models_of(ids)) == set(ids)


def test_it_tells_prefect_of_a_champion_that_regressed(
    restricted: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its guard records the regression, and its courier brings the event, once."""
    api = Api()
    api.start()
    monkeypatch.setenv("PREFECT_API_URL", api.url)
    with runtime(restricted, "parcels") as (url, _), open_ledger(restricted.ledger) as ledger:
        second = promote(owned(restricted), PROTOCOL, inverted(), "2")
        assert until(lambda: ask(url, records(1)) == second.model, 10)
        for seed in range(3):
            ask(url, records(60, seed))
        assert until(lambda: bool(ledger.regressions("parcels")), 15, 0.1)
        assert until(lambda: not ledger.unsent(), 10)
    api.stop()
    assert [event["event"] for event in api.events].count("pulse.model.regressed") == 1


def test_it_can_promote_nobody_and_make_no_key(restricted: Workspace) -> None:
    """Whoever breaks into the runtime cannot let another model or another key in."""
    with open_ledger(restricted.ledger) as ledger:
        with pytest.raises(PulseError, match="permission denied"):
            ledger.create_key(name="mine", scopes=["admin"], who="mallory")
        with pytest.raises(PulseError, match="permission denied"):
            ledger.promote(
                name="parcels", model="m", bundle="b", bundle_sha256="", version="1", run="r", attempt=None,
                reason="", who="mallory",
            )  # fmt: skip
