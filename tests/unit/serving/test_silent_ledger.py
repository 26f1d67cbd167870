"""A ledger that takes connections and answers nothing: the worst way for a server to fail."""

from __future__ import annotations

import signal
from pathlib import Path

import httpx
import pytest

from pulse_blocks import settings
from pulse_blocks.settings import Workspace
from tests.postgres_server import PostgresServer
from tests.served_models import RECORD, protocol, runtime, train_and_promote

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for servers in /proc")


@pytest.fixture
def on_postgres(workspace: Workspace, postgres_server: PostgresServer) -> Workspace:
    """A workspace whose ledger is in PostgreSQL."""
    path = workspace.folder / settings.FILE
    path.parent.mkdir()
    path.write_text(f'ledger = "{postgres_server.new_database()}"\n')
    (workspace.folder / "signing.key").touch(mode=0o600)
    (workspace.folder / "signing.key").write_text("k" * 64)
    return settings.load(Path(workspace.root), environ={})


@pytest.mark.parametrize("spool", [False, True])
def test_it_counts_as_one_that_is_away(
    on_postgres: Workspace, postgres_server: PostgresServer, spool: bool
) -> None:
    """Told as such before a request's time is up, and where the protocol spools the request is answered."""
    train_and_promote(on_postgres, protocol(serving={"spool": spool}))
    with runtime(on_postgres, "parcels") as (url, _), httpx.Client(base_url=url, timeout=30) as client:
        client.post("/predict/parcels", json=RECORD).raise_for_status()
        with postgres_server.silent():
            reply = client.post("/predict/parcels", json={**RECORD, "weight": 7})
            metrics = client.get("/metrics").text
        assert reply.status_code == (200 if spool else 503), reply.text
        assert spool or reply.json()["error"]["code"] == "ledger.unavailable"
        assert 'pulse_circuit_opened_total{circuit="ledger",model="parcels"} 1' in metrics


def test_a_runtime_ends_all_the_same(on_postgres: Workspace, postgres_server: PostgresServer) -> None:
    """SIGTERM: what reads the ledger just now is not waited for without end."""
    train_and_promote(on_postgres)
    with runtime(on_postgres, "parcels") as (url, process):
        httpx.post(f"{url}/predict/parcels", json=RECORD).raise_for_status()
        with postgres_server.silent():
            # By now each of its threads has asked the ledger for something.
            with pytest.raises(httpx.TimeoutException):
                httpx.get(f"{url}/ui/", timeout=2)
            process.send_signal(signal.SIGTERM)
            process.wait(25)
