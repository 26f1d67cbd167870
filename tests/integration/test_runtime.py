"""The runtime as a process among others."""

from __future__ import annotations

import contextlib
import itertools

import httpx

from pulse_blocks.settings import Workspace
from tests.runtime_kill import Received, check_traceable, kill_under_load
from tests.served_models import records, runtime, train_and_promote


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
