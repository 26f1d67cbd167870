"""The model card: of each task, as Markdown and HTML, complete and safe to show."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from pulse_blocks.records import to_json
from pulse_blocks.stores import open_store
from pulse_blocks.training import fit
from pulse_blocks.training.card import Card, card, html, markdown
from pulse_blocks.training.curves import curves
from pulse_blocks.validation import validate
from tests import small_data

_PICTURE = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=]+)")


def carded(folder: Path, **sections: Any) -> Card:
    store, values = open_store(str(folder / "store")), small_data.columns(1500)
    contract = small_data.protocol(**sections)
    if contract.task == "regression":
        values["late"] = values["late"] * 1.0 + np.linspace(0, 1, 1500)
    if contract.task == "multiclass-classification":
        values["late"] = values["late"].astype(np.int64) + (values["weight"] > 25)
    snapshot = small_data.snapshot_of(store, contract, values)
    return card(
        contract, snapshot, fit(contract, snapshot, validate(contract, snapshot, store), store), "run_1"
    )


def test_two_classes(tmp_path: Path) -> None:
    """ROC, precision and recall, calibration, importance and learning curve are real pictures, in both forms."""
    training = {
        "rounds": 50,
        "early_stopping": {"rounds": 5},
        "gates": [{"metric": "roc_auc", "at_least": 0.6}],
    }
    output = {"decision": {"threshold": "auto"}}
    found = carded(
        tmp_path, training=training, output=output, description="Late? | <script>alert(1)</script>"
    )
    for text in (markdown(found), html(found)):
        assert len(_PICTURE.findall(text)) == 5
        for picture in _PICTURE.findall(text):
            assert base64.b64decode(picture).startswith(b"\x89PNG")
        for title in ("ROC", "Precision and recall", "Calibration", "Feature importance", "Learning curve"):
            assert title in text
        assert "<script" not in text
        assert "roc_auc at least" in text
        assert found.model in text
        assert len(text) < 250_000
    assert {name for name, _ in found.facts} >= {"Decides yes from", "Decided on", "Made with", "Snapshot"}
    assert msgspec.json.decode(to_json(found), type=Card) == found


@pytest.mark.parametrize(
    ("task", "target", "titles"),
    [
        ("regression", {"name": "late", "type": "float"}, 3),
        ("multiclass-classification", {"name": "late", "type": "int", "values": [0, 1, 2]}, 4),
    ],
)
def test_other_tasks(tmp_path: Path, task: str, target: dict[str, Any], titles: int) -> None:
    """They have the pictures that they can have."""
    found = carded(tmp_path, task=task, target=target, training={"rounds": 10})
    assert len(_PICTURE.findall(markdown(found))) == titles


def test_curves_are_of_the_rows() -> None:
    """A perfect model's ROC goes through the corner, its calibration lies on the diagonal's ends."""
    truth = np.repeat([0.0, 1.0], 500)
    found = curves("binary-classification", truth, np.repeat([0.0, 1.0], 500))
    assert found.roc is not None
    assert (0.0, 1.0) in zip(found.roc.x, found.roc.y, strict=True)
    assert found.calibration.x == found.calibration.y
    counted = curves("multiclass-classification", np.array([0.0, 1.0, 1.0]), np.eye(2)[[0, 1, 0]])
    assert counted.confusion == ((1, 0), (1, 1))
