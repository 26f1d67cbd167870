"""Training in a process of its own: the same model, a limit that is real, and every kind of end recognised."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pulse_blocks import training
from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.stores import open_store
from pulse_blocks.training.process import (
    Beside,
    Request,
    discard,
    fit,
    fit_within,
    memory,
    pool,
)
from tests.killed_runs import descendants
from tests.tiny_project import ROOT, environment
from tests.training_requests import with_training
from tests.waiting import until

MIB = 2**20


def test_the_same_model_as_in_this_process(request_: Request) -> None:
    """Text, metrics and smoke set are those of a fit without a process of its own; what it took is told."""
    here = training.fit(request_.protocol, request_.snapshot, request_.validated, open_store(request_.store))
    done = fit(request_, limit=None, timeout=120)
    assert (done.fitted.text, done.fitted.metrics, done.fitted.smoke) == (here.text, here.metrics, here.smoke)
    assert 50 * MIB < done.peak < 1024 * MIB


def test_the_timeout_ends_it(request_: Request) -> None:
    """training.resources.timeout: the process is gone, and one sentence says why."""
    asked = with_training(request_, rounds=100_000, resources={"timeout": "2s"})
    with pytest.raises(PulseError) as error:
        fit_within(asked)
    assert error.value.code == "training.timeout"
    assert "2 s" in error.value.message


def test_refusals_come_through(request_: Request) -> None:
    """What the fit refuses is raised here with the same code."""
    with pytest.raises(PulseError) as error:
        fit(with_training(request_, params={"num_leaves": -3}), limit=None, timeout=120)
    assert (type(error.value), error.value.code) == (PulseError, "training.failed")


def test_the_model_is_told_before_drift_is_calibrated(request_: Request) -> None:
    """Whoever asked gets the model as soon as it stands, once, and it is the one that the fit ends with."""
    judged: list[training.Fitted] = []
    done = fit(request_, limit=None, timeout=120, beside=Beside(judged=judged.append))
    assert judged == [done.fitted]
    assert done.drift


def test_what_goes_wrong_beside_a_fit_ends_it(request_: Request) -> None:
    """The error comes through within moments, and the process is gone."""
    discard()
    pool.prepare()
    (child,) = pool._idle
    began = time.monotonic()

    def check() -> None:
        if time.monotonic() > began + 0.5:
            raise UnavailableError("tracking.unavailable", "MLflow is out of reach.")

    with pytest.raises(UnavailableError, match="MLflow is out of reach"):
        fit(with_training(request_, rounds=100_000), limit=None, timeout=120, beside=Beside(check=check))
    assert time.monotonic() < began + 30
    assert child.process.poll() == -signal.SIGKILL


PREPARED = """
import os
import sys
from pulse_blocks.settings import Workspace
from pulse_blocks.tracking import Tracking
from pulse_blocks.training.process import discard, pool, prepare

prepare()
(first,) = pool._idle
import pandera.polars
Tracking(Workspace(root=".", tracking=f"sqlite:///{sys.argv[1]}/mlflow.db", artifacts=sys.argv[1]))
child = pool.take()
print(child is first)
pool.give_back(child)
os.environ["OMP_NUM_THREADS"] = "3"
print(pool.take() is first)
discard()
"""


def test_a_prepared_process_is_used(tmp_path: Path) -> None:
    """What the libraries of other stages set in the environment is no reason for another; what a fit reads is."""
    out = subprocess.run(
        [sys.executable, "-c", PREPARED, str(tmp_path)],
        env=environment(ROOT, PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    ).stdout
    assert out.split() == ["True", "False"]


def test_killed_by_somebody_is_worth_another_try(request_: Request) -> None:
    """Kill -9 without any sign of memory is told as something that may pass."""
    discard()
    pool.prepare()
    (child,) = pool._idle
    threading.Timer(0.5, os.kill, (child.process.pid, signal.SIGKILL)).start()
    with pytest.raises(UnavailableError) as error:
        fit(with_training(request_, rounds=100_000), limit=None, timeout=120)
    assert error.value.code == "training.killed"
    assert child.process.poll() == -signal.SIGKILL


ASK = """
import sys
import msgspec
from pulse_blocks.errors import PulseError
from pulse_blocks.training.process import fit
from pulse_blocks.training.process.messages import requested

request = requested(sys.stdin.buffer)
try:
    fit(request, limit=None, timeout=100)
except PulseError as error:
    print(error.code, error.message)
"""


def ask(request: Request, *before: str) -> subprocess.Popen[bytes]:
    """A process that asks for a fit, and runs ``before`` first."""
    from pulse_blocks.training.process.messages import frame

    process = subprocess.Popen(
        [sys.executable, "-c", "\n".join([*before, ASK])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(ROOT, PYTHONPATH=str(ROOT)),
    )
    assert process.stdin is not None
    process.stdin.write(frame(request))
    process.stdin.close()
    process.stdin = None  # communicate must not flush it
    return process


SHORT = """
import resource
from pulse_blocks.training.process import bounds, pool

bounds.LOADING_SECONDS = 5
before = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (250_000_000, before[1]))
pool.prepare()
resource.setrlimit(resource.RLIMIT_AS, before)
"""


def test_no_memory_for_its_libraries(request_: Request) -> None:
    """A library that is refused memory tries again for ever: that ends too, and is told as what it is."""
    out, _ = ask(request_, SHORT).communicate(timeout=100)
    assert out.decode().startswith("training.out_of_memory Training small took more memory"), out


def test_it_outlives_the_thread_that_wanted_it() -> None:
    """A process that a thread has prepared is there when the thread has ended, and serves the next one."""
    discard()
    thread = threading.Thread(target=pool.prepare)
    thread.start()
    thread.join()
    child = pool.take()
    pool.give_back(child)
    assert until(lambda: (memory.resident(child.process.pid) or 0) > 60 * MIB, 60)
    assert child.usable()


def test_one_that_cannot_run_ends_with_who_asked(request_: Request) -> None:
    """A training process that is stopped, or never lets another thread run, is gone with its parent all the same."""
    process = ask(with_training(request_, rounds=100_000))
    assert until(lambda: bool(descendants(process.pid)), 60)
    (child,) = descendants(process.pid)
    assert until(lambda: (memory.resident(child) or 0) > 60 * MIB, 60)
    os.kill(child, signal.SIGSTOP)
    process.kill()
    process.wait()
    assert until(lambda: not Path(f"/proc/{child}").exists() or _is_zombie(child), 20)


def test_it_never_outlives_who_asked(request_: Request) -> None:
    """Kill -9 of the process that asked ends the training process too, in the midst of a fit."""
    process = ask(with_training(request_, rounds=100_000))
    assert until(lambda: bool(descendants(process.pid)), 60)
    (child,) = descendants(process.pid)
    assert until(lambda: (memory.resident(child) or 0) > 100 * MIB, 60)
    process.kill()
    process.wait()
    assert until(lambda: not Path(f"/proc/{child}").exists() or _is_zombie(child), 20)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
