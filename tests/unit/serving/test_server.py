"""Starting and stopping the runtime."""

from __future__ import annotations

import signal
import socket
import threading

import httpx
import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import open_ledger
from pulse_blocks.serving.server import serve
from pulse_blocks.settings import Workspace
from tests.served_models import RECORD, protocol, runtime, train_and_promote


def test_a_taken_port_is_told(workspace: Workspace) -> None:
    """The error names the port and how to choose another."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PulseError, match=f"Port {port}") as error:
            serve(workspace, ["parcels"], port=port)
    assert error.value.code == "serving.port_taken"
    assert "--port" in (error.value.hint or "")


def test_nothing_has_been_run_here_yet(workspace: Workspace) -> None:
    """Without a ledger the runtime says so."""
    with pytest.raises(PulseError, match="Nothing has been run here yet"):
        serve(workspace, ["parcels"], port=0)


def test_a_name_without_champion_is_told(workspace: Workspace) -> None:
    """The error names what has been promoted."""
    train_and_promote(workspace)
    with pytest.raises(PulseError, match=r"No model of letters .*parcels") as error:
        serve(workspace, ["letters"], port=0)
    assert error.value.code == "serving.no_champion"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_requests_that_were_begun_are_answered(workspace: Workspace, number: signal.Signals) -> None:
    """On a signal the process answers what it has, writes its ledger, and ends with status 0."""
    train_and_promote(workspace, protocol(serving={"batch": {"max_rows": 1}}))
    with runtime(workspace, "parcels") as (url, process):
        answers: list[httpx.Response] = []
        begun = threading.Thread(
            target=lambda: answers.append(
                httpx.post(f"{url}/predict/parcels", json={"instances": [RECORD] * 20_000}, timeout=60)
            )
        )
        begun.start()
        with httpx.Client(base_url=url) as client:
            while 'pulse_waiting_requests{model="parcels"} 1' not in client.get("/metrics").text:
                assert begun.is_alive()
        process.send_signal(number)
        assert process.wait(30) == 0
        begun.join()
    assert answers[0].status_code == 200
    with open_ledger(workspace.ledger) as ledger:
        last = answers[0].json()["predictions"][-1]["inference_id"]
        assert ledger.inference(last).id == last
