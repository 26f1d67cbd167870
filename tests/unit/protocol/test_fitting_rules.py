"""What calibration, checkpoints and a search may ask for, found at its path."""

from __future__ import annotations

import pytest

from pulse_blocks.errors import ProtocolError
from pulse_blocks.protocol import loading
from pulse_blocks.protocol.lightgbm_params import CHOICES, INTEGERS, TUNABLE
from tests.tiny_project import PROTOCOL


def problems(training: str) -> list[tuple[str, str, str]]:
    """Path, code and hint of every problem of the tiny protocol with more keys below training."""
    text = PROTOCOL.replace("  rounds: 20\n", f"  rounds: 20\n{training}")
    try:
        loading.loads(text)
    except ProtocolError as error:
        return [(one.path, one.code, one.hint or "") for one in error.problems]
    return []


def search(ranges: str, more: str = "") -> str:
    return f"  search: {{ranges: {{{ranges}}}{more}}}\n"


@pytest.mark.parametrize(
    "training",
    [
        "  calibration: {method: isotonic}\n",
        "  calibration: {}\n",
        "  checkpoint: 10\n",
        search(
            "learning_rate: {low: 0.01, high: 0.3, log: true}, max_depth: {low: 3, high: 9}", ", trials: 30"
        ),
        search(
            "boosting: {values: [gbdt, goss]}", ", metric: roc_auc, parallel: 2, timeout: 10m, prune: false"
        ),
    ],
)
def test_sound(training: str) -> None:
    """What the documentation shows is accepted."""
    assert problems(training) == []


@pytest.mark.parametrize(
    ("training", "path", "code"),
    [
        (search("learning_rat: {low: 0.1, high: 1}"), "ranges.learning_rat", "unknown_parameter"),
        (search("seed: {low: 1, high: 9}"), "ranges.seed", "owned_parameter"),
        (search("linear_tree: {values: [true]}"), "ranges.linear_tree", "owned_parameter"),
        (search("max_leaves: {low: 3, high: 9}"), "ranges.max_leaves", "duplicate_value"),
        (search("eta: {low: 0.1, high: 1}, learning_rate: {low: 0.1, high: 1}"),
         "ranges.learning_rate", "duplicate_value"),
        (search("eta: {low: 1, high: 0.1}"), "ranges.eta", "empty_range"),
        (search("eta: {low: 0, high: 0.1, log: true}"), "ranges.eta", "empty_range"),
        (search("eta: {low: 0.1}"), "ranges.eta", "one_kind"),
        (search("eta: {low: 0.1, high: 1, values: [1]}"), "ranges.eta", "one_kind"),
        (search("eta: {values: [0.1, 0.1]}"), "ranges.eta", "duplicate_value"),
        (search("boosting: {low: 1, high: 2}"), "ranges.boosting", "one_kind"),
        (search("max_depth: {low: 1.5, high: 2}"), "ranges.max_depth", "not_for_type"),
        (search("eta: {low: 0.1, high: 1}", ", metric: f1_score"), "metric", "unknown_metric"),
        (search("boosting: {values: ['gbdt objective=regression']}"), "ranges.boosting", "bad_format"),
        (search("max_bin_by_feature: {values: ['1#2', '3']}"), "ranges.max_bin_by_feature", "bad_format"),
    ],
)  # fmt: skip
def test_searches_that_cannot_be(training: str, path: str, code: str) -> None:
    """Each mistake is found where it stands."""
    assert [found[:2] for found in problems(training)] == [(f"training.search.{path}", f"protocol.{code}")]


def test_the_nearest_name() -> None:
    """A misspelled parameter comes with the one that was meant."""
    ((_, _, hint),) = problems(search("learning_rat: {low: 0.1, high: 1}"))
    assert "learning_rate" in hint


@pytest.mark.parametrize("boosting", ["dart", "rf"])
def test_checkpoints_that_cannot_be(boosting: str) -> None:
    """Where each tree depends on all others no fit can go on from some of them."""
    text = PROTOCOL.replace("min_data_in_leaf: 20}", f"boosting: {boosting}}}")
    with pytest.raises(ProtocolError) as refused:
        loading.loads(text.replace("  rounds: 20\n", "  rounds: 20\n  checkpoint: 5\n"))
    assert [one.path for one in refused.value.problems] == ["training.checkpoint"]


@pytest.mark.parametrize(
    ("more", "boosting", "path"),
    [
        ("  early_stopping: {rounds: 5}\n", "[gbdt, dart]", "training.early_stopping"),
        ("  checkpoint: 5\n", "[gbdt, rf]", "training.checkpoint"),
        ("  checkpoint: 5\n", "[dart]", "training.checkpoint"),
    ],
)
def test_what_a_search_may_choose_has_to_fit_too(more: str, boosting: str, path: str) -> None:
    """A value that a search may come to is refused as the same value in params is."""
    found = problems(more + search(f"boosting: {{values: {boosting}}}"))
    assert [(one[0], one[1]) for one in found] == [(path, "protocol.not_for_params")]


def test_nothing_to_calibrate() -> None:
    """A regression has no probabilities."""
    text = PROTOCOL.replace("binary-classification", "regression").replace(
        "late, type: bool", "late, type: float"
    )
    text = text.replace("[accuracy, f1_score, roc_auc]", "[rmse]")
    text = text[: text.index("  gates:")] + "  calibration: {method: sigmoid}\n"
    with pytest.raises(ProtocolError) as refused:
        loading.loads(text)
    assert [one.path for one in refused.value.problems] == ["training.calibration"]


def test_kinds_of_parameters_are_lightgbms() -> None:
    """Whole numbers and choices are parameters that a protocol may set, and no parameter is both."""
    assert INTEGERS | CHOICES <= TUNABLE
    assert not INTEGERS & CHOICES
    assert "learning_rate" in TUNABLE - INTEGERS - CHOICES
