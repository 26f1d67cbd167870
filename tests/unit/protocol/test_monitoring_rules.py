"""What a monitoring section may not say, although each of its keys is sound."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulse_blocks.errors import ProtocolError
from pulse_blocks.protocol import loading
from tests.tiny_project import PROTOCOL

_PERFORMANCE = "performance: {metric: roc_auc, max_drop: 0.1}"


@pytest.mark.parametrize(
    ("section", "path", "code"),
    [
        ("label_delay: 7d", "monitoring.label_delay", "no_effect"),
        ("features: {share: 0}", "monitoring.features.share", "empty_range"),
        ("features: {method: ks, threshold: 1.5}", "monitoring.features.threshold", "empty_range"),
        ("prediction: {threshold: 0.84}", "monitoring.prediction.threshold", "empty_range"),
    ],
)
def test_what_can_never_hold_is_told(tmp_path: Path, section: str, path: str, code: str) -> None:
    """At its place, before anything is trained."""
    with pytest.raises(ProtocolError) as raised:
        _load(tmp_path, section)
    assert [(problem.path, problem.code) for problem in raised.value.problems] == [(path, f"protocol.{code}")]


@pytest.mark.parametrize(
    "section",
    [
        f"{_PERFORMANCE}, label_delay: 7d",
        "features: {method: psi, threshold: 1.5}",
        "features: {method: wasserstein, threshold: 9}",
        "prediction: {threshold: 0.83}",
    ],
)
def test_what_can_hold_is_sound(tmp_path: Path, section: str) -> None:
    """Distances without an end may have any threshold."""
    _load(tmp_path, section)


def _load(folder: Path, section: str) -> None:
    path = folder / "tiny.yaml"
    path.write_text(f"{PROTOCOL}monitoring: {{{section}}}\n")
    loading.load(path)
