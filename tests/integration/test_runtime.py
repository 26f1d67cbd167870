"""The runtime as a process among others."""

from __future__ import annotations

import contextlib
import itertools
from pathlib import Path
from typing import Any

import httpx
import pytest

from pulse_blocks import settings
from pulse_blocks.settings import Workspace
from tests.postgres_server import PostgresServer
from tests.runtime_kill import Received, check_traceable, kill_under_load
from tests.served_models import records, runtime, train_and_promote
from tests.waiting import until


def test_killed_under_load_it_owes_no_row(any_ledger: Workspace) -> None:
    """SIGKILL while clients are served: every id that a client received is in the ledger, hashes right."""
    train_and_promote(any_ledger)
    received = kill_under_load(any_ledger, seed=1)
    assert received
    check_traceable(any_ledger, received)


def test_replicas_share_a_ledger(any_ledger: Workspace) -> None:
    """Three runtimes behind one load, as behind a load balancer: every id is traceable, none came twice."""
    train_and_promote(any_ledger)
    received: list[Received] = []
    with contextlib.ExitStack() as running:
        urls = [running.enter_context(runtime(any_ledger, "parcels"))[0] for _ in range(3)]
        clients = itertools.cycle([running.enter_context(httpx.Client(base_url=url)) for url in urls])
        for record, client in zip(records(300), clients, strict=False):
            reply = client.post("/predict/parcels", json=record).raise_for_status()
            received.append(Received(record, reply.json()))
    check_traceable(any_ledger, received)


def test_it_outlives_its_ledger_server(
    workspace: Workspace, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While PostgreSQL is away: 503 and nothing else. When it is back: answers again, and follows promotions."""
    workspace.folder.mkdir()
    (workspace.folder / settings.FILE).write_text(f'ledger = "{postgres_server.new_schema()}"\n')
    monkeypatch.setenv("PULSE_SIGNING_KEY", "k" * 64)
    on_postgres = settings.load(Path(workspace.root), environ={})
    promoted = train_and_promote(on_postgres)
    received: list[Received] = []
    with runtime(on_postgres, "parcels") as (url, _), httpx.Client(base_url=url, timeout=30) as client:

        def status(record: dict[str, Any]) -> int:
            reply = client.post("/predict/parcels", json=record)
            if reply.status_code == 200:
                received.append(Received(record, reply.json()))
            return reply.status_code

        rows = records(100)
        assert {status(row) for row in rows[:20]} == {200}
        postgres_server.stop()
        try:
            assert {status(row) for row in rows[20:40]} == {503}
            assert client.get("/healthz").status_code == 200
        finally:
            postgres_server.start()
        assert until(lambda: status(rows[50]) == 200, 15, pause=0.2)
        second = train_and_promote(on_postgres, seed=2)
        assert promoted.model != second.model
        assert until(lambda: client.post("/predict/parcels", json=rows[0]).json()["model"] == second.model, 2)
    check_traceable(on_postgres, received)
