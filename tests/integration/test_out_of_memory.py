"""A training process that the kernel kills for memory, in a control group whose memory somebody else has taken."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pulse_blocks import settings
from pulse_blocks.ledger import open_ledger
from pulse_blocks.records import TrainedModel, from_json
from pulse_blocks.stores import open_store
from pulse_blocks.training.process import Request
from pulse_blocks.training.process.messages import frame
from pulse_blocks.validation import validate
from tests import small_data
from tests.control_group import Group, control_group
from tests.killed_runs import check_whole, training_processes
from tests.prefect_server import Server
from tests.tiny_project import PROTOCOL, ROOT, environment, make_project
from tests.waiting import until

GIB = 2**30
# Too little for a training process, and enough for the one that asks to go on.
LEFT = 48 * 2**20
RESOURCES = {"memory": "400MiB", "ceiling": "800MiB"}

ASK = """
import sys
from pulse_blocks.errors import PulseError
from pulse_blocks.training.process import fit_within
from pulse_blocks.training.process.messages import requested

try:
    outcome = fit_within(requested(sys.stdin.buffer), told=lambda said: print(said, flush=True))
    print(*outcome.memory)
except PulseError as error:
    print(error.code, error.message)
"""


def asked(folder: Path) -> bytes:
    """A request for a small fit with memory of its own, as a process is sent it."""
    protocol = small_data.protocol(training={"rounds": 10, "resources": RESOURCES})
    url = str(folder / "store")
    store = open_store(url)
    snapshot = small_data.snapshot_of(store, protocol, small_data.columns(2000))
    validated = validate(protocol, snapshot, store, None)
    return frame(Request(protocol=protocol, snapshot=snapshot, validated=validated, store=url))


def start(group: Group, message: bytes) -> subprocess.Popen[bytes]:
    """A process in the group that asks for a fit; returns when the training process is there."""
    process = subprocess.Popen(
        group.inside(sys.executable, "-c", ASK),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(ROOT, PYTHONPATH=str(ROOT)),
    )
    assert process.stdin is not None
    process.stdin.write(message)
    process.stdin.flush()
    assert until(lambda: bool(training_processes(process.pid)), 60)
    return process


def all_but_little(group: Group, process: subprocess.Popen[bytes]) -> int:
    """What somebody else has to take so that who asks may go on and no training process may, however far one is."""
    training = sum(anonymous(pid) for pid in training_processes(process.pid))
    return GIB - (group.held() - training) - LEFT


def anonymous(pid: int) -> int:
    """Bytes of a process that no file holds; 0 where it has just ended."""
    try:
        found = re.search(r"(?m)^RssAnon:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def test_killed_by_the_kernel_and_tried_with_twice_as_much(tmp_path: Path) -> None:
    """It is recognised by the group's own count of kills, told, and the next fit has twice the memory."""
    with control_group(GIB) as group:
        process = start(group, asked(tmp_path))
        assert process.stdout is not None
        # Where it is now, however long the neighbour takes to come.
        (fitting,) = training_processes(process.pid)
        os.kill(fitting, signal.SIGSTOP)
        with group.neighbour(GIB - group.held() - LEFT) as neighbour:
            assert until(lambda: anonymous(neighbour.pid) > GIB // 2, 60, 0.001)
            os.kill(fitting, signal.SIGCONT)
            told = process.stdout.readline().decode()
        out, _ = process.communicate(timeout=120)
        assert told == "400MiB of memory were not enough: trying again with 800MiB.\n"
        assert out.decode() == "400MiB 800MiB\n"
        # The next process may be hit too while it loads its libraries, before the neighbour is gone: that is no try.
        assert group.kills() in (1, 2)


def test_past_the_ceiling_one_clear_error(tmp_path: Path) -> None:
    """Where the kernel kills the last try as well the error says who did, and what was tried."""
    with control_group(GIB) as group:
        process = start(group, asked(tmp_path))
        with group.neighbour(all_but_little(group, process)):
            out, _ = process.communicate(timeout=120)
        told, error = out.decode().splitlines()
        assert told == "400MiB of memory were not enough: trying again with 800MiB."
        assert error == (
            "training.out_of_memory Training small took more memory than the 800 MiB that it was given: the kernel"
            " killed it for memory. Tried: 400MiB, 800MiB; training.resources.ceiling is 800MiB."
        )
        assert group.kills() >= 2


@pytest.mark.long
def test_a_run_whose_first_fit_is_killed(server: Server, tmp_path: Path) -> None:
    """The run as a whole succeeds, with one of everything, and says with how much memory in the end."""
    more = f"resources: {json.dumps(RESOURCES)}\n  rounds: 400\n  checkpoint: 20\n"
    folder = make_project(
        tmp_path / "project",
        PROTOCOL.replace("  rounds: 20\n", "").replace("training:\n", f"training:\n  {more}"),
    )
    with control_group(2 * GIB) as group:
        process = subprocess.Popen(
            group.inside(sys.executable, "-m", "pulse_blocks", "run", "tiny", "--json"),
            cwd=folder,
            env=environment(folder, **server.env),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        store = open_store(settings.load(folder, environ={}).store)
        assert until(lambda: any(store.keys("unfinished/")) or process.poll() is not None, 240, 0.005)
        (fitting,) = training_processes(process.pid)
        # In the middle of its fit, however long the neighbour takes to come.
        os.kill(fitting, signal.SIGSTOP)
        with group.neighbour(2 * GIB - group.held()):
            assert until(lambda: group.kills() > 0, 60, 0.001)
        out, err = process.communicate(timeout=240)
        assert process.returncode == 0, err.decode()
        # The next process may be hit too while it loads its libraries, before the neighbour is gone: that is no try.
        assert group.kills() in (1, 2)
    summary = json.loads(out)
    check_whole(folder, summary)
    with open_ledger(settings.load(folder, environ={}).ledger) as ledger:
        record = from_json(ledger.stage_rows(summary["run"], "train")[-1].record, TrainedModel)
    assert record.memory == ("400MiB", "800MiB")
    said = "Trained with 800MiB of memory; 400MiB had not been enough."
    newest = server.post("/flow_runs/filter", {"sort": "START_TIME_DESC", "limit": 1})[0]
    assert said in newest["state"]["message"]
