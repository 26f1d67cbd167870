"""The memory of a training process: a limit that is real, more of it after running out, workers counted together."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pulse_blocks.training.process import (
    OutOfMemoryError,
    Request,
    fit,
    fit_within,
    memory,
    sentence,
)
from tests.training_requests import with_training

MIB = 2**20


def test_more_memory_after_running_out(request_: Request) -> None:
    """A process beyond its limit is killed; the fit is tried with twice as much until it is enough, and told."""
    told: list[str] = []
    asked = with_training(request_, resources={"memory": "150MiB", "ceiling": "4GiB"})
    outcome = fit_within(asked, told=told.append)
    tried = [int(one.removesuffix("MiB")) for one in outcome.memory]
    assert tried == [150 * 2**at for at in range(len(tried))]
    assert len(tried) > 1
    assert outcome.peak <= tried[-1] * MIB
    assert told[0] == "150MiB of memory were not enough: trying again with 300MiB."
    assert sentence(outcome.memory) == (
        f"Trained with {outcome.memory[-1]} of memory; {', '.join(outcome.memory[:-1])} had not been enough."
    )


GRANDCHILD = """
import subprocess, sys
subprocess.run([sys.executable, "-c", "held = b'x' * (100 << 20); print('ready', flush=True); input()"])
"""


def test_memory_of_processes_below_is_counted() -> None:
    """What a process below holds is counted; what it shares with the others is not counted again."""
    with subprocess.Popen(
        [sys.executable, "-c", GRANDCHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        own, together = memory.resident(process.pid), memory.held(process.pid)
        process.communicate("\n")
    assert own is not None
    assert together is not None
    assert 100 * MIB <= together - own < 130 * MIB
    assert memory.held(process.pid) is None


@pytest.mark.long
def test_workers_share_one_limit(request_: Request) -> None:
    """Two workers hold more than one process: a limit that is enough for one is too little for them."""
    alone = fit(request_, limit=None, timeout=100).peak
    two = with_training(request_, resources={"workers": 2})
    with pytest.raises(OutOfMemoryError):
        fit(two, limit=alone + 50 * MIB, timeout=100)
    assert fit_within(two).memory == ("1GiB",)


def test_past_the_ceiling_one_clear_error(request_: Request) -> None:
    """It names what was tried and what ends it; the last try is the ceiling itself."""
    asked = with_training(request_, resources={"memory": "40MiB", "ceiling": "70MiB"})
    with pytest.raises(OutOfMemoryError) as error:
        fit_within(asked)
    assert error.value.code == "training.out_of_memory"
    assert error.value.message.endswith("Tried: 40MiB, 70MiB; training.resources.ceiling is 70MiB.")


def test_tries_of_before_count(request_: Request) -> None:
    """Where somebody else has tried before, the next limit is twice that."""
    assert fit_within(with_training(request_, resources={"ceiling": "4GiB"}), ["300MiB"]).memory == (
        "300MiB",
        "600MiB",
    )
