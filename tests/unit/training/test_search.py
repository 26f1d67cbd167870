"""Search: trials decide by validation rows alone, in an order that nothing but the seed decides."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Searched
from pulse_blocks.stores import Store, open_store
from pulse_blocks.training import fit
from pulse_blocks.training.search import Trial, Tried, mapped_by, search, try_out
from pulse_blocks.training.search.results import Results
from pulse_blocks.training.search.trial import forget, looks
from pulse_blocks.validation import validate
from tests import small_data

RANGES = {
    "num_leaves": {"low": 3, "high": 63, "log": True},
    "learning_rate": {"low": 0.01, "high": 0.3},
    "bagging_freq": {"values": [0, 1]},
}
BASE = {"seed": 3, "rounds": 40, "metrics": ["roc_auc"], "split": {"by": "random"}, "params": {}}


def contract(**asked: Any) -> Protocol:
    """A search for two numbers and a choice."""
    return small_data.protocol(
        training={**BASE, "search": {"ranges": RANGES, "trials": 12, "parallel": 3, **asked}}
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store"))


def curve(trial: Trial) -> Tried:
    """A trial without a fit: the loss falls towards what the parameters are worth, and bars are held to."""
    worth = (
        abs(math.log(float(trial.params["learning_rate"]) / 0.1)) + float(trial.params["num_leaves"]) / 100
    )
    values, state = [], "complete"
    bars = dict(trial.bars)
    for look in looks(40):
        values.append((look, worth + 1 / look))
        if values[-1][1] > bars.get(look, math.inf):
            state = "pruned"
            break
    return Tried(
        number=trial.number,
        params=trial.params,
        state=state,  # type: ignore[arg-type]
        value=values[-1][1],
        values=tuple(values),
        rounds=values[-1][0],
        seconds=0.0,
    )


def searched(store: Store, key: str = "k", **asked: Any) -> tuple[Searched, list[Tried]]:
    told: list[Tried] = []
    return search(contract(**asked), curve, Results(store, key), told.append), told


def test_the_same_seed_chooses_the_same(store: Store) -> None:
    """Two searches ask for the same trials in the same order, and the best of those that were completed is chosen."""
    (first, told), (second, again) = searched(store, "a"), searched(store, "b")
    assert first == second
    assert told == again
    assert [tried.number for tried in told] == list(range(12))
    best = min((tried for tried in told if tried.state == "complete"), key=lambda tried: tried.value)
    assert (first.best, first.value, first.params) == (best.number, best.value, best.params)
    assert first.pruned == sum(tried.state == "pruned" for tried in told) > 0


def test_who_is_faster_decides_nothing(store: Store) -> None:
    """Trials of a batch that end in the reverse order change nothing."""
    expected = searched(store, "a")
    with mapped_by(lambda work, trials: [work(trial) for trial in reversed(trials)][::-1]):
        assert searched(store, "b") == expected


def test_an_interrupted_search_goes_on(store: Store) -> None:
    """Killed in the midst of a batch: finished trials are not tried again, and the result is the undisturbed one."""
    expected = searched(store, "undisturbed")
    tried: list[int] = []

    def breaks(trial: Trial) -> Tried:
        if trial.number == 7:
            raise KeyboardInterrupt
        tried.append(trial.number)
        return curve(trial)

    in_turn = mapped_by(lambda work, trials: [work(trial) for trial in trials])
    with in_turn, pytest.raises(KeyboardInterrupt):
        search(contract(), breaks, Results(store, "k"))
    assert tried == list(range(7))

    def counts(trial: Trial) -> Tried:
        tried.append(trial.number)
        return curve(trial)

    told: list[Tried] = []
    with mapped_by(lambda work, trials: [work(trial) for trial in trials]):
        found = search(contract(), counts, Results(store, "k"), told.append)
    assert (found, told) == expected
    assert sorted(tried) == list(range(12))


def test_pruning_can_be_left_out(store: Store) -> None:
    """Without it every trial is completed."""
    _, told = searched(store, prune=False)
    assert {tried.state for tried in told} == {"complete"}


def test_a_time_limit(store: Store) -> None:
    """No batch begins after it; the first always does."""
    found, told = searched(store, timeout="1ms")
    assert found.trials == len(told) == 3


def test_no_trial_is_completed(store: Store) -> None:
    """Parameters that LightGBM refuses everywhere: the error says why."""

    def refuses(trial: Trial) -> Tried:
        return Tried(
            number=trial.number,
            params=trial.params,
            state="refused",
            value=math.nan,
            values=(),
            rounds=0,
            seconds=0.0,
            refused="no",
        )

    with pytest.raises(PulseError, match="None of 12 trials could be completed: no") as refused:
        search(contract(), refuses, Results(store, "k"))
    assert refused.value.code == "training.search"


@pytest.mark.parametrize("more", [{}, {"early_stopping": {"rounds": 5}}], ids=["all-rounds", "stopped"])
def test_a_fit_with_the_chosen_parameters(store: Store, more: dict[str, Any]) -> None:
    """The model is that of the chosen parameters; held-out rows have no say in them; nothing is left behind."""
    values = small_data.columns(3000)
    training = {
        **BASE,
        **more,
        "rounds": 20,
        "search": {"ranges": RANGES, "trials": 6, "parallel": 2, "metric": "roc_auc"},
    }
    asked = small_data.protocol(training=training)
    snapshot = small_data.snapshot_of(store, asked, values)
    validated = validate(asked, snapshot, store)
    found = fit(asked, snapshot, validated, store)
    assert found.searched is not None
    assert found.params.items() >= found.searched.params.items()
    assert not list(store.keys("unfinished/"))
    fixed = small_data.protocol(
        training={
            **BASE,
            **more,
            "rounds": 20,
            "params": found.searched.params,
            "calibration": {"method": "sigmoid"},
        }
    )
    assert fit(fixed, snapshot, validated, store).trees == found.trees
    trial = Trial(number=0, params=found.searched.params, threads=1)
    forget()
    again = try_out(asked, snapshot, validated, store, trial)
    assert again.value == pytest.approx(found.searched.value)
    two = try_out(asked, snapshot, validated, store, Trial(number=1, params=found.searched.params, threads=2))
    assert two.values == again.values
    forget()
