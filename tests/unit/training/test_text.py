"""What of a model's text identifies the model."""

from __future__ import annotations

import hashlib

from pulse_blocks.training.text import normalised, trees_sha256

TEXT = "tree\nTree=0\n\nparameters:\n[boosting: gbdt]\n[num_threads: {}]\n\nend of parameters\n"


def test_trees_end_at_parameters() -> None:
    """Parameters do not count."""
    assert trees_sha256(TEXT.format(1).encode()) == hashlib.sha256(b"tree\nTree=0\n").hexdigest()


def test_threads_are_taken_out() -> None:
    """Texts that differ by the number of threads become the same bytes."""
    assert normalised(TEXT.format(1)) == normalised(TEXT.format(64)) == TEXT.format(0).encode()
