"""The search of a train stage: what becomes of trials that come to no end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pulse_blocks import settings
from pulse_blocks.errors import PulseError
from pulse_blocks.training import process
from pulse_blocks.training.process import OutOfMemoryError, Request
from pulse_blocks.training.search import Tried
from tests import six_stages
from tests.tiny_project import PROTOCOL

SEARCH = """\
  search:
    ranges: {learning_rate: {low: 0.05, high: 0.3}}
    trials: 3
    parallel: 1
"""


@pytest.mark.parametrize(
    "error",
    [
        PulseError("training.timeout", "The fit took longer than 1h."),
        OutOfMemoryError("training.out_of_memory", "The fit needed more than 512MiB."),
    ],
    ids=["too-long", "too-large"],
)
def test_a_trial_that_takes_too_much_is_not_chosen(
    project: Path, monkeypatch: pytest.MonkeyPatch, error: PulseError
) -> None:
    """It counts as one that could not be tried: the search goes on, and the model is that of another trial."""
    try_out = process.try_out

    def second_fails(request: Request, **bounds: Any) -> Tried:
        assert request.trial is not None
        if request.trial.number == 1:
            raise error
        return try_out(request, **bounds)

    monkeypatch.setattr(process, "try_out", second_fails)
    (project / "protocols" / "tiny.yaml").write_text(PROTOCOL.replace("training:\n", f"training:\n{SEARCH}"))
    found = six_stages.run(settings.load(project, environ={})).model.searched
    assert found is not None
    assert (found.trials, found.pruned) == (3, 0)
    assert found.best != 1
