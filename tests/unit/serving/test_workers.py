"""Several workers at one address: together they are one runtime."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import open_ledger
from pulse_blocks.serving.server import serve
from pulse_blocks.settings import Workspace
from tests.runtime_kill import Received, check_traceable
from tests.served_models import RECORD, records, runtime, train_and_promote
from tests.waiting import until

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for workers in /proc")


def workers_of(process: subprocess.Popen[str]) -> set[int]:
    """The pids of the workers."""
    path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return {int(pid) for pid in path.read_text().split()} if path.exists() else set()


def both(process: subprocess.Popen[str]) -> set[int]:
    """The two workers, once the process that announced them has ended."""
    assert until(lambda: len(workers_of(process)) == 2, 5)
    return workers_of(process)


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def ask(url: str, record: dict[str, Any] = RECORD) -> dict[str, Any]:
    """A reply over a connection of its own, which any of the workers may take."""
    reply: dict[str, Any] = httpx.post(f"{url}/predict/parcels", json=record).raise_for_status().json()
    return reply


@contextlib.contextmanager
def load(url: str, received: list[Received], clients: int = 4) -> Iterator[None]:
    """Clients that ask until the block ends; a connection that breaks is opened again."""
    stop = threading.Event()

    def work(seed: int) -> None:
        for number, record in enumerate(records(20_000, seed)):
            if stop.is_set():
                return
            if number % 20 == 0:
                client = httpx.Client(base_url=url)
            try:
                reply = client.post("/predict/parcels", json=record)
            except httpx.TransportError:
                client = httpx.Client(base_url=url)
                continue
            assert reply.status_code == 200, reply.text
            received.append(Received(record, reply.json()))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_worker_that_dies_is_replaced_and_no_row_is_missing(workspace: Workspace) -> None:
    """SIGKILL under load: the others answer on, a new one comes, every id that a client got is in the ledger."""
    train_and_promote(workspace)
    received: list[Received] = []
    with runtime(workspace, "parcels", workers=2) as (url, process):
        before = both(process)
        with load(url, received):
            assert until(lambda: len(received) > 50, 10)
            os.kill(min(before), signal.SIGKILL)
            assert until(lambda: len(workers_of(process) - before) == 1, 5)
            count = len(received)
            assert until(lambda: len(received) > count + 100, 10)
    check_traceable(workspace, received)
    with open_ledger(workspace.ledger) as ledger:
        models = {one.prediction["model"] for one in received}
        assert sum(ledger.inference_counts(map(str, models)).values()) >= len(received)


class Connection:
    """One that stays open, and the worker that it is with."""

    def __init__(self, url: str) -> None:
        self.client = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        self.client.connect()

    def ask(self, record: dict[str, Any]) -> Received:
        self.client.request("POST", "/predict/parcels", json.dumps(record))
        return Received(record, json.loads(self.client.getresponse().read()))

    def is_with(self, pid: int) -> bool:
        """Whether a worker holds the other end (its socket's inode is in /proc/net/tcp)."""
        port = f":{self.client.sock.getsockname()[1]:04X}"
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
        sockets = {f"socket:[{line[9]}]" for line in lines if line[2].endswith(port)}
        return any(
            str(fd.readlink()) in sockets for fd in Path(f"/proc/{pid}/fd").iterdir() if fd.is_symlink()
        )


@pytest.mark.long
def test_a_worker_that_hangs_is_replaced(workspace: Workspace) -> None:
    """SIGSTOP: another takes its place, also for who was queued at its socket; the other one answers all the time."""
    train_and_promote(workspace)
    draw = iter(records(1_000_000))
    with runtime(workspace, "parcels", workers=2) as (url, process):
        hung, other = sorted(both(process))
        connections = [Connection(url) for _ in range(16)]
        received = [one.ask(next(draw)) for one in connections]
        steady = [one for one in connections if one.is_with(other)]
        assert 0 < len(steady) < len(connections)
        os.kill(hung, signal.SIGSTOP)
        queued = [Connection(url) for _ in range(8)]

        def the_other_answers() -> set[int]:
            received.extend(one.ask(next(draw)) for one in steady)
            return workers_of(process)

        assert until(lambda: hung not in the_other_answers(), 60)
        received += [one.ask(next(draw)) for one in queued]
        assert until(lambda: len(the_other_answers()) == 2, 10)
        new = (workers_of(process) - {other}).pop()
        assert until(lambda: answers(url, new, received), 30)
        assert not runs(hung)
        assert {other, new} == workers_of(process)
    check_traceable(workspace, received)


def answers(url: str, pid: int, received: list[Received]) -> bool:
    """Whether a worker has answered a connection that came to it by chance."""
    one = Connection(url)
    received.append(one.ask(RECORD))
    return one.is_with(pid)


@pytest.mark.long
def test_workers_that_were_paused_with_their_supervisor_go_on(workspace: Workspace) -> None:
    """A container that is paused and resumed: nobody hung, nobody is replaced."""
    train_and_promote(workspace)
    with runtime(workspace, "parcels", workers=2) as (url, process):
        workers = both(process)
        everyone = [process.pid, *workers]
        for pid in everyone:
            os.kill(pid, signal.SIGSTOP)
        threading.Event().wait(12)
        for pid in everyone:
            os.kill(pid, signal.SIGCONT)
        threading.Event().wait(2)
        ask(url)
        assert workers_of(process) == workers


# A supervisor whose log is slow: by the time it has told of a dead worker, the next beat is due.
SLOW = """
import logging, os, signal, socket, threading, time
from pulse_blocks.serving import workers

workers.BEAT_SECONDS = 0.05

class Slow(logging.Handler):
    def emit(self, record):
        time.sleep(0.2)

logging.getLogger("pulse.serving").addHandler(Slow())

def work(_, report):
    report.ready()
    print(os.getpid(), flush=True)
    while True:
        time.sleep(0.02)
        report._tell(workers.BEAT)

with socket.create_server(("127.0.0.1", 0)) as listener:
    workers.Supervisor([listener], work, lambda: None).run()
"""


def test_a_hung_worker_that_is_gone_is_not_killed_again(tmp_path: Path) -> None:
    """It has no pid any more, and a signal to nobody in particular would end the supervisor and all of its group."""
    script = tmp_path / "slow.py"
    script.write_text(SLOW)
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout
        first = int(process.stdout.readline())
        os.kill(first, signal.SIGSTOP)
        second = process.stdout.readline()
        assert second, f"the supervisor ended with {process.wait()}"
        assert int(second) != first
        process.terminate()
        assert process.wait(10) == 0


def test_a_promotion_reaches_every_worker_within_a_second(workspace: Workspace) -> None:
    """After that second no connection meets the old model."""
    train_and_promote(workspace, seed=1)
    with runtime(workspace, "parcels", workers=3) as (url, _):
        second = train_and_promote(workspace, seed=2)
        assert until(lambda: ask(url)["model"] == second.model, 1.0)
        threading.Event().wait(0.7)
        assert {ask(url)["model"] for _ in range(40)} == {second.model}


def test_metrics_are_those_of_all(workspace: Workspace) -> None:
    """Whichever worker is asked, also after one of them has died: no prediction is counted twice or lost."""
    model = train_and_promote(workspace).model
    wanted = f'pulse_predictions_total{{model="{model}"}}'

    def counted(url: str) -> set[str]:
        texts = [httpx.get(f"{url}/metrics").raise_for_status().text for _ in range(6)]
        return {line.rpartition(" ")[2] for text in texts for line in text.splitlines() if wanted in line}

    with runtime(workspace, "parcels", workers=2) as (url, process):
        workers = both(process)
        for _ in range(30):
            ask(url)
        assert until(lambda: counted(url) == {"30"}, 5)
        os.kill(min(workers), signal.SIGKILL)
        assert until(lambda: both(process) != workers, 5)
        assert until(lambda: counted(url) == {"30"}, 5)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_all_stop_together(workspace: Workspace, number: signal.Signals) -> None:
    """One signal, also one that reaches the whole group as ctrl-C does: status 0, and nobody is left."""
    train_and_promote(workspace)
    with runtime(workspace, "parcels", workers=2) as (url, process):
        workers = both(process)
        ask(url)
        for pid in (process.pid, *(workers if number == signal.SIGINT else ())):
            os.kill(pid, number)
        assert process.wait(10) == 0
        assert not any(runs(pid) for pid in workers)


def test_workers_do_not_outlive_the_one_that_watches_them(workspace: Workspace) -> None:
    """SIGKILL of the supervisor: its workers stop, and the port is free again."""
    train_and_promote(workspace)
    with runtime(workspace, "parcels", workers=2) as (_, process):
        workers = both(process)
        process.kill()
        process.wait()
        assert until(lambda: not any(runs(pid) for pid in workers), 5)


def test_a_runtime_that_cannot_start_says_why(workspace: Workspace) -> None:
    """Once, in a sentence, with status 1, however many workers found out."""
    train_and_promote(workspace)
    done = subprocess.run(
        [sys.executable, "-m", "pulse_blocks", "serve", "letters", "--workers", "2", "--port", "0"],
        env={**os.environ, "PULSE_ROOT": workspace.root},
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("No model of letters has been promoted") == 1
    assert "Traceback" not in done.stderr


def test_without_a_temporary_folder_the_way_out_is_told(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container whose file system is read-only: what to mount, instead of the name of an exception."""
    train_and_promote(workspace)
    monkeypatch.setattr("tempfile.tempdir", "/dev/null/nowhere")
    with pytest.raises(PulseError, match="emptyDir") as refused:
        serve(workspace, ["parcels"], port=0, workers=2)
    assert refused.value.code == "serving.no_temporary_folder"


def test_a_port_is_not_shared_with_another_runtime(workspace: Workspace) -> None:
    """Workers share a port among themselves only."""
    train_and_promote(workspace)
    with runtime(workspace, "parcels", workers=2) as (url, _):
        port = int(url.rpartition(":")[2])
        with (
            pytest.raises(AssertionError, match="is taken"),
            runtime(workspace, "parcels", workers=2, port=port),
        ):
            pass
