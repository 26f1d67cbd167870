"""The servers of the benchmark of the runtime: Pulse in several ways, and its peers, each a process of its own."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import lightgbm as lgb
import msgspec

from pulse_blocks.ledger import open_ledger
from pulse_blocks.settings import Workspace
from tests.bench import peer_environments, served_model
from tests.served_models import SERVE
from tests.tiny_project import ROOT

BODIES = 2000
HOLE = "0.123"
PATH = "/predict/scores"


class Server(NamedTuple):
    """A server under load: where it listens, what it is asked, how long its first answer took from exec on."""

    name: str
    process: subprocess.Popen[str]
    address: str
    path: str
    bodies: list[str]
    headers: dict[str, str]
    cold: float


class Ready(NamedTuple):
    """What all servers share: the model in the forms in which they take it."""

    folder: Path
    booster: lgb.Booster

    @property
    def text(self) -> Path:
        """The model's text."""
        return self.folder / "model.txt"

    @property
    def columns(self) -> Path:
        """Names and categories of the columns as JSON, for environments without Pulse."""
        return self.folder / "columns.json"


def prepare(folder: Path) -> Ready:
    """Train the model and write it down."""
    # Replicas on one PostgreSQL share a key, which no folder of one of them can hold.
    os.environ.setdefault("PULSE_SIGNING_KEY", secrets.token_hex(32))
    ready = Ready(folder, served_model.train())
    ready.booster.save_model(str(ready.text))
    ready.columns.write_text(json.dumps({"names": served_model.NAMES, "categories": served_model.CATEGORIES}))
    return ready


def pulse(
    ready: Ready,
    name: str = "pulse",
    ledger: str | None = None,
    durability: str = "full",
    workers: int = 1,
    *,
    compiled: bool = False,
) -> contextlib.AbstractContextManager[Server]:
    """The runtime with everything on, in a workspace of its own: an auth key is asked for as well.

    ``compiled`` trees are there a minute or so later, when ``ready.folder / name`` has a file ``.pulse/compiled/*.o``.
    """
    root = ready.folder / name
    root.mkdir()
    (root / ".pulse").mkdir()
    lines = [f'durability = "{durability}"', *([f'ledger = "{ledger}"'] if ledger else [])]
    (root / ".pulse" / "workspace.toml").write_text("\n".join(lines))
    workspace = served_model.workspace(root, ready.booster)
    options = json.dumps({"require_keys": True, "workers": workers, "compiled": compiled})
    command = [sys.executable, "-c", SERVE, workspace.root, options, "scores"]
    return _start(name, command, None, PATH, served_model.bodies(BODIES), _key(workspace))


def _key(workspace: Workspace) -> dict[str, str]:
    with open_ledger(workspace.ledger) as ledger:
        _, token = ledger.create_key(name="bench", scopes=["predict"], who="bench")
    return {"Authorization": f"Bearer {token}"}


def fastapi(ready: Ready) -> contextlib.AbstractContextManager[Server]:
    """A bare route that only calls ``Booster.predict``."""
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.peers.fastapi_route", str(ready.text), port]
    return _start("fastapi", command, port, PATH, served_model.bodies(BODIES))


def uvicorn(ready: Ready) -> contextlib.AbstractContextManager[Server]:
    """A constant answer: the floor of HTTP alone."""
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.peers.bare_uvicorn", str(ready.text), port]
    return _start("uvicorn", command, port, PATH, served_model.bodies(BODIES))


def mlflow(ready: Ready, *, checked: bool = True) -> contextlib.AbstractContextManager[Server]:
    """``mlflow models serve`` with the LightGBM flavour.

    ``checked``: with a signature, MLflow's own contract, as Pulse registers its models; without one it takes anything.
    """
    import mlflow.lightgbm

    name = "mlflow" if checked else "mlflow-any"
    port, saved = free_port(), ready.folder / f"{name}-model"
    signature = served_model.mlflow_signature() if checked else None
    mlflow.lightgbm.save_model(ready.booster, str(saved), signature=signature)
    program = str(Path(sys.executable).with_name("mlflow"))
    command = [program, "models", "serve", "-m", str(saved), "-p", port, "--env-manager", "local"]
    return _start(name, command, port, "/invocations", served_model.coded_bodies(BODIES))


def bentoml(ready: Ready, *, checked: bool = True) -> contextlib.AbstractContextManager[Server]:
    """BentoML with adaptive batching, one worker; ``checked``: records have a type, its own way to a contract."""
    port, python = free_port(), peer_environments.python("bentoml")
    service = str(ROOT / "tests" / "bench" / "peers" / "bentoml_service.py")
    command = [
        str(python),
        "-m",
        "bentoml",
        "serve",
        f"{service}:Scores",
        "--host",
        "127.0.0.1",
        "--port",
        port,
    ]
    env = {
        "PEER_MODEL": str(ready.text), "PEER_COLUMNS": str(ready.columns), "BENTOML_DO_NOT_TRACK": "True",
        "BENTOML_HOME": str(ready.folder / "bentoml"), "PEER_CHECKED": "yes" if checked else "",
    }  # fmt: skip
    bodies = [f'{{"records": [{body}]}}' for body in served_model.bodies(BODIES)]
    return _start("bentoml" if checked else "bentoml-any", command, port, "/predict", bodies, env=env)


def litserve(ready: Ready) -> contextlib.AbstractContextManager[Server]:
    """LitServe with batching, one worker."""
    port, python = free_port(), peer_environments.python("litserve")
    module = str(ROOT / "tests" / "bench" / "peers" / "litserve_server.py")
    command = [str(python), module, str(ready.text), str(ready.columns), port]
    return _start("litserve", command, port, "/predict", served_model.bodies(BODIES))


@contextlib.contextmanager
def _start(
    name: str,
    command: list[str],
    port: str | None,
    path: str,
    bodies: list[str],
    headers: dict[str, str] | None = None,
    env: dict[str, str] | None = None,
) -> Iterator[Server]:
    """A server as a process, from exec to its first answer."""
    # MLflow starts uvicorn by its name.
    path_of_tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        # Only Pulse tells its address; a pipe that nobody reads would stop a server that logs.
        stdout=subprocess.PIPE if port is None else subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        env={**os.environ, "PATH": path_of_tools, "DO_NOT_TRACK": "1", **(env or {})},
    )
    try:
        address = process.stdout.readline().strip() if process.stdout else f"http://127.0.0.1:{port}"
        body = bodies[0].replace("@", HOLE)
        while _status(address.removeprefix("http://"), path, body, headers or {}) != http.client.OK:
            if process.poll() is not None or time.monotonic() - started > 120:
                raise RuntimeError(f"{name} did not start.")
            time.sleep(0.01)
        yield Server(name, process, address, path, bodies, headers or {}, time.monotonic() - started)
    finally:
        # BentoML's workers are in sessions of their own.
        for pid in reversed(tree(process.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def tree(pid: int) -> list[int]:
    """A process and those below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    below = [int(child) for child in children.read_text().split()] if children.exists() else []
    return [pid, *(one for child in below for one in tree(child))]


def _status(netloc: str, path: str, body: str, headers: dict[str, str]) -> int | None:
    connection = http.client.HTTPConnection(netloc, timeout=20)
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json", **headers})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def one(body: str) -> dict[str, Any]:
    """The record of a body with its hole filled."""
    return dict(msgspec.json.decode(body.replace("@", HOLE)))


def free_port() -> str:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return str(found.getsockname()[1])
