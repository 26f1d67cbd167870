"""What decides a stage's result: a change of it is a change of the key, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulse_blocks import settings
from pulse_blocks.protocol import loading
from pulse_blocks.stages import reuse
from pulse_blocks.stages.context import Context
from tests import six_stages
from tests.tiny_project import PROTOCOL


@pytest.fixture
def done(project: Path) -> six_stages.Outcome:
    return six_stages.run(settings.load(project, environ={}))


def key_with(project: Path, done: six_stages.Outcome, training: str) -> str | None:
    """The key of the train stage where ``training`` has these lines more."""
    protocol = loading.loads(PROTOCOL.replace("training:\n", f"training:\n{training}"))
    workspace = settings.load(project, environ={})
    return reuse.key(
        done.data, Context(protocol=protocol, workspace=workspace, window=None, attempt="attempt_x")
    )


def test_what_decides_the_trees_is_in_the_key(project: Path, done: six_stages.Outcome) -> None:
    """Checkpoints change trees where numbers are drawn; where and when a fit runs changes none."""
    plain = key_with(project, done, "")
    assert key_with(project, done, "  checkpoint: 7\n") != plain
    assert key_with(project, done, "  resources: {memory: 1GiB, timeout: 10m}\n") == plain
    assert key_with(project, done, "  schedule: '0 2 * * *'\n") == plain
    assert key_with(project, done, "  resources: {workers: 2}\n") != plain
