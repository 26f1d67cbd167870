"""How long a training step on a pool may take before it is given up."""

from __future__ import annotations

import pytest

from pulse_blocks.blocks.training_step import allowed_seconds
from pulse_blocks.protocol import loading
from tests.tiny_project import PROTOCOL

RANGES = "ranges: {learning_rate: {low: 0.05, high: 0.3}}"


@pytest.mark.parametrize(
    ("search", "minutes"),
    [
        ("", 10 + 15),
        (f"  search: {{{RANGES}, trials: 4}}\n", 4 * 10 + 10 + 15),
        (f"  search: {{{RANGES}, trials: 400, timeout: 30m}}\n", 30 + 10 + 10 + 15),
    ],
)
def test_trials_have_their_time_beside_the_fit(search: str, minutes: int) -> None:
    """A fit has its timeout, a quarter of an hour is for all beside it, and each trial may take as long as the fit."""
    text = PROTOCOL.replace("training:\n", f"training:\n{search}  resources: {{timeout: 10m}}\n")
    assert allowed_seconds(loading.loads(text)) == minutes * 60
