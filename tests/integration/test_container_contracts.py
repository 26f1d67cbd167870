"""What the manifests in deployments/ start, as processes: each platform's contract, held by a real client.

There is no container here: the command and the environment are the manifest's own, but for where ledger, store and
port are. The ledger is PostgreSQL, as there.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import yaml

from pulse_blocks.cli.ports import free_port
from pulse_blocks.ledger import open_ledger
from pulse_blocks.settings import Workspace
from tests.served_models import RECORD, protocol, train_and_promote
from tests.tiny_project import ROOT, environment
from tests.waiting import until

DEPLOYMENTS = ROOT / "deployments"
SIGNING_KEY = "k" * 64


@pytest.fixture
def shared(workspace: Workspace, postgres_ledger: str, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace on PostgreSQL with a champion of the name that the manifests serve."""
    monkeypatch.setenv("PULSE_SIGNING_KEY", SIGNING_KEY)
    found = msgspec.structs.replace(workspace, ledger=postgres_ledger)
    train_and_promote(found, protocol("flight-delay"))
    return found


@contextlib.contextmanager
def started(
    shared: Workspace, command: list[str], **env: str
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The command as a process that answers on a free port of this machine; its address and the process."""
    given = {
        **env,
        "PULSE_HOST": "127.0.0.1",
        "PULSE_STORE": shared.store,
        "PULSE_LEDGER": shared.ledger,
        "PULSE_SIGNING_KEY": SIGNING_KEY,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    port = given.get("PULSE_PORT") or given["PORT"]
    process = subprocess.Popen(
        command, env=environment(Path(shared.root), **given), stdout=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{url}/readyz").status_code == 200
        return process.poll() is not None

    try:
        assert until(answers, 60)
        assert process.poll() is None
        yield url, process
    finally:
        process.kill()
        process.wait()


def new_key(shared: Workspace, scope: str) -> dict[str, str]:
    """The header of a client with a key for ``scope``."""
    command = [
        sys.executable,
        "-m",
        "pulse_blocks",
        "key",
        "create",
        "--scope",
        scope,
        "--name",
        scope,
        "--json",
    ]
    env = environment(Path(shared.root), PULSE_LEDGER=shared.ledger)
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return {"Authorization": f"Bearer {json.loads(done.stdout)['key']}"}


def check_traceable(shared: Workspace, url: str) -> None:
    """A prediction of this runtime is a row of the shared ledger."""
    headers = new_key(shared, "predict")
    # A runtime that runs already knows a new key within a second.
    assert until(
        lambda: httpx.post(f"{url}/predict/flight-delay", json=RECORD, headers=headers).status_code == 200, 5
    )
    reply = httpx.post(f"{url}/predict/flight-delay", json=RECORD, headers=headers)
    assert reply.status_code == 200, reply.text
    with open_ledger(shared.ledger) as ledger:
        assert ledger.inference(reply.json()["inference_id"]).model == reply.json()["model"]


def test_knative(shared: Workspace) -> None:
    """PORT decides where it listens; its probes answer; nobody predicts without a key; SIGTERM ends it in order."""
    manifest: Any = yaml.safe_load((DEPLOYMENTS / "knative" / "service.yaml").read_text())
    (pod,) = manifest["spec"]["template"]["spec"]["containers"]
    command = [*pod["command"], *pod["args"], "--require-keys"]
    headers = new_key(shared, "predict")
    with started(shared, command, PORT=str(free_port())) as (url, process):
        for probe in ("readinessProbe", "livenessProbe"):
            assert httpx.get(url + pod[probe]["httpGet"]["path"]).status_code == 200
        body = {"instances": [RECORD] * 3}
        assert httpx.post(f"{url}/predict/flight-delay", json=body).status_code == 401
        assert httpx.post(f"{url}/predict/flight-delay", json=body, headers=headers).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_ecs(shared: Workspace) -> None:
    """The container's own health check passes while it answers, and fails once it does not."""
    (task,) = json.loads((DEPLOYMENTS / "ecs" / "task-definition.json").read_text())["containerDefinitions"]
    given = {one["name"]: one["value"] for one in task["environment"]}
    port = str(free_port())
    check = [part.replace(given["PULSE_PORT"], port) for part in task["healthCheck"]["command"][1:]]
    new_key(shared, "admin")
    with started(shared, [*task["command"], "--require-keys"], PULSE_PORT=port) as (url, _):
        assert subprocess.run([sys.executable, *check[1:]], check=False).returncode == 0
        check_traceable(shared, url)
    assert (
        subprocess.run([sys.executable, *check[1:]], check=False, stderr=subprocess.DEVNULL).returncode == 1
    )


def test_sagemaker(shared: Workspace) -> None:
    """`serve` answers /ping and /invocations in JSON and CSV without a key; whatever else there is needs one."""
    container = json.loads((DEPLOYMENTS / "sagemaker" / "model.json").read_text())["PrimaryContainer"]
    given = {**container["Environment"], "PULSE_PORT": str(free_port())}
    with started(shared, [str(DEPLOYMENTS / "serve")], **given) as (url, _):
        assert httpx.get(f"{url}/ping").status_code == 200
        told = httpx.post(f"{url}/invocations", json={"instances": [RECORD]})
        assert told.status_code == 200, told.text
        csv = "weight,distance,carrier,stops,express\n2.5,700,train,3,false\n"
        told = httpx.post(f"{url}/invocations", content=csv, headers={"content-type": "text/csv"})
        assert told.status_code == 200, told.text
        for method, path in [
            ("GET", "/metrics"), ("GET", "/docs"), ("GET", "/openapi.json"), ("POST", "/feedback"),
            ("GET", "/lineage/inference_0"), ("GET", "/v2"), ("GET", "/ui/"), ("POST", "/ping"),
        ]:  # fmt: skip
            assert httpx.request(method, url + path).status_code == 401, path
        check_traceable(shared, url)


def test_without_a_key_nothing_starts_where_others_can_reach_it(shared: Workspace) -> None:
    """The manifests of Knative and ECS listen everywhere: before there is a key they end with a clear refusal."""
    env = environment(
        Path(shared.root), PULSE_HOST="0.0.0.0", PULSE_LEDGER=shared.ledger, PULSE_STORE=shared.store,  # noqa: S104
        PULSE_SIGNING_KEY=SIGNING_KEY, PORT=str(free_port()),
    )  # fmt: skip
    command = [sys.executable, "-m", "pulse_blocks", "serve", "flight-delay"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "pulse key create" in done.stderr
