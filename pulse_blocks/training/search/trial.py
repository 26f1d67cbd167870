"""One trial: some parameters, fitted on the training rows and judged on the validation rows, round by round."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal

from pulse_blocks.protocol.lightgbm_params import resolve
from pulse_blocks.protocol.metrics import WATCHED
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Record, Snapshot, ValidatedData
from pulse_blocks.stores.base import Store
from pulse_blocks.training.threads import available_threads
from pulse_blocks.training.unfinished import fit_key

if TYPE_CHECKING:
    from pulse_blocks.training.parts import Parts

Params = dict[str, bool | int | float | str]
# A trial looks so often whether it is worth going on.
_LOOKS = 20
# Parameters by which a data set is made; a search over others makes it once.
_BINNING = frozenset({
    "bin_construct_sample_cnt", "enable_bundle", "feature_pre_filter", "is_enable_sparse", "max_bin",
    "max_bin_by_feature", "min_data_in_bin", "use_missing", "zero_as_missing",
})  # fmt: skip


class Trial(Record, frozen=True, kw_only=True):
    """``number`` counts from 0. ``bars`` maps rounds to the value that must be reached by then; none for no pruning."""

    number: int
    params: Params
    threads: int
    bars: tuple[tuple[int, float], ...] = ()


class Tried(Record, frozen=True, kw_only=True):
    """How a trial went. ``values`` maps rounds to the metric (as LightGBM gives it); ``value`` is what it ended with.

    ``refused`` says why parameters that do not go together could not be tried. ``format`` is this record's version.
    """

    format: int = 1
    number: int
    params: Params
    state: Literal["complete", "pruned", "refused"]
    value: float
    values: tuple[tuple[int, float], ...]
    rounds: int
    seconds: float
    refused: str = ""


def given_up(trial: Trial, why: str, took: float) -> Tried:
    """A trial that came to no end, after ``took`` seconds."""
    return Tried(
        number=trial.number, params=trial.params, state="refused", value=0.0, values=(), rounds=0, seconds=took,
        refused=why,
    )  # fmt: skip


def metric_of(protocol: Protocol) -> tuple[str, str]:
    """What trials are judged by: its name in a protocol, and LightGBM's."""
    known, search = WATCHED[protocol.task], protocol.training.search
    name = (search.metric if search else None) or next(iter(known))
    return name, known[name]


def batch_size(protocol: Protocol) -> int:
    """Trials that run side by side: as many as the protocol says, or one for each core."""
    search = protocol.training.search
    asked = search.parallel if search else 1
    return asked if isinstance(asked, int) else available_threads(protocol)


def looks(rounds: int) -> range:
    """The rounds after which a trial reports and may be given up."""
    step = max(rounds // _LOOKS, 1)
    return range(step, rounds + 1, step)


def try_out(
    protocol: Protocol, snapshot: Snapshot, validated: ValidatedData, store: Store, trial: Trial
) -> Tried:
    """Fit and judge. A process that tries several of one search reads and bins the rows once."""
    import lightgbm as lgb

    from pulse_blocks.training.fitting import chosen
    from pulse_blocks.training.params import parameters
    from pulse_blocks.training.search.judge import Judge

    began = time.monotonic()
    used = chosen(protocol, trial.params)
    params = parameters(used, trial.threads) | {"feature_pre_filter": False}
    metric = metric_of(protocol)[1]
    if metric not in params["metric"]:
        params["metric"] = [*params["metric"], metric]
    sets = _sets(protocol, snapshot, validated, store, params)
    judge = Judge(protocol, metric, trial.bars)
    refused = ""
    try:
        lgb.train(
            params,
            sets["train"],
            protocol.training.rounds,
            valid_sets=[sets["validation"]],
            valid_names=["validation"],
            callbacks=[judge],
        )
    except lgb.basic.LightGBMError as error:
        refused = str(error)
    return Tried(
        number=trial.number,
        params=trial.params,
        state="refused" if refused or not judge.finite else "pruned" if judge.pruned else "complete",
        value=judge.value,
        values=tuple(judge.values),
        rounds=judge.done,
        seconds=time.monotonic() - began,
        refused=refused or ("" if judge.finite else f"{metric} is no number"),
    )


_kept: dict[Any, dict[str, Any]] = {}
_parts: dict[Any, Parts] = {}


def forget() -> None:
    """Let go of the rows of searches: what comes now is no trial."""
    _kept.clear()
    _parts.clear()


def _sets(
    protocol: Protocol, snapshot: Snapshot, validated: ValidatedData, store: Store, params: dict[str, Any]
) -> dict[str, Any]:
    """The training and validation rows as data sets; those of the latest search and binning are kept."""
    from pulse_blocks.training.datasets import datasets
    from pulse_blocks.training.parts import prepare

    rows = fit_key(protocol, snapshot, validated, {"store": store.uri})
    key = rows, tuple((name, str(value)) for name, value in params.items() if resolve(name) in _BINNING)
    if key not in _kept:
        if rows not in _parts:
            _parts.clear()
            _parts[rows] = prepare(protocol, snapshot, validated, store)
        data = _parts[rows]
        watched = {"validation": data.validation} if data.validation is not None else {}
        _kept.clear()
        _kept[key] = datasets(protocol, params, data.blocks, data.train, watched)
    return _kept[key]
