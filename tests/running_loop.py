"""A project whose automations a real Prefect server evaluates, with a real worker of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

from pulse_blocks import settings
from pulse_blocks.blocks.delivery import flush
from pulse_blocks.cli import stack
from pulse_blocks.cli.embedded import Running
from pulse_blocks.cli.services import descendants
from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.drift_checks import DriftCheck, new_drift_check_id
from pulse_blocks.settings import Workspace
from tests.prefect_server import Server
from tests.waiting import until

DAY = 86_400_000_000
MARCH = 1_772_323_200_000_000  # 2026-03-01, in microseconds
_ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


class Loop:
    """The project, and what the server knows of its runs."""

    def __init__(self, server: Server, workspace: Workspace) -> None:
        """Register deployments and automations, and start the worker."""
        self.server, self.workspace = server, workspace
        self._running = Running(api=server.api, ui=server.api.removesuffix("/api"))
        stack.deploy(workspace, self._running)
        self.start_worker()

    def start_worker(self) -> None:
        """A worker, ready for work."""
        self._worker = stack.worker(self.workspace, self._running)
        self._worker.wait_ready()

    def kill_worker(self) -> None:
        """End the worker and all it has started at once, as the end of its machine would."""
        for pid in [*descendants(self._worker.pid), self._worker.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._worker.process.wait()

    def stop(self) -> None:
        """End the worker."""
        self._worker.stop()

    def runs(self, flow: str, of: Collection[str] = ()) -> list[dict[str, Any]]:
        """The runs of a flow that a deployment of this project has made (those of some protocols, where named)."""
        wanted = {
            "flows": {"name": {"any_": [flow]}},
            "deployments": {"name": {"like_": "on-"}},
            "limit": 200,
        }
        found = list(self.server.post("/flow_runs/filter", wanted))
        return [run for run in found if not of or run["parameters"].get("protocol") in of]

    def settled(
        self, flow: str, count: int, of: Collection[str] = (), seconds: float = 150
    ) -> list[dict[str, Any]]:
        """The same, once so many have ended."""

        def have_ended() -> bool:
            found = self.runs(flow, of)
            return len(found) >= count and all(run["state_type"] in _ENDED for run in found)

        assert until(have_ended, seconds, 0.5), [
            (run["name"], run["state_name"]) for run in self.runs(flow, of)
        ]
        return self.runs(flow, of)


@contextlib.contextmanager
def running_loop(server: Server, folder: Path) -> Iterator[Loop]:
    """The loop of a project (see ``loop_project``). This process's environment names both while it runs."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with pytest.MonkeyPatch.context() as patch, temporary_settings({PREFECT_API_URL: server.api}):
        for name, value in {**server.env, "PULSE_ROOT": str(folder)}.items():
            patch.setenv(name, value)
        loop = Loop(server, settings.load(folder, environ={}))
        try:
            yield loop
        finally:
            loop.stop()
            flush()


def drifted(ledger: Ledger, name: str) -> DriftCheck:
    """A check that found drift in February, with its event in the outbox."""
    check = DriftCheck(
        id=new_drift_check_id(),
        name=name,
        model=f"{name}@1.0.0-0000000",
        at=time.time_ns() // 1000,
        window_start=MARCH - 7 * DAY,
        window_end=MARCH,
        rows=500,
        verdict="drifted",
        result="{}",
    )
    payload = {"check": check.id, "name": name, "model": check.model, "action": "retrain"}
    ledger.add_drift_check(check, payload)
    return check
