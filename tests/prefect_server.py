"""A real Prefect server of the tests' own, on a free loopback port."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from pulse_blocks.cli.ports import free_port
from pulse_blocks.cli.services import Service


class Server(NamedTuple):
    """Where it answers, and the environment of a process that uses it."""

    api: str
    env: dict[str, str]

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """What the API answers to a POST."""
        request = urllib.request.Request(
            self.api + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as reply:
            return json.load(reply)


@contextmanager
def running_server(folder: Path) -> Iterator[Server]:
    """Start a server with its database in ``folder``; stop it at the end."""
    port = free_port()
    api = f"http://127.0.0.1:{port}/api"
    env = {
        "PREFECT_API_URL": api,
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    service = Service(
        "The Prefect server",
        [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)],
        log=folder / "server.log",
        env={**env, "PREFECT_UI_API_URL": api},
        url=api,
        ready=f"{api}/health",
    )
    try:
        service.wait_ready(120)
        yield Server(api, env)
    finally:
        service.stop()
