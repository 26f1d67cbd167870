"""Evidently's report: distances by the protocol's methods, and the page that people look at."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from pulse_blocks.errors import PulseError

if TYPE_CHECKING:
    import pandas as pd

# Evidently's own ``ks`` gives a p-value, which falls with the number of rows alone.
_OWN_KS = "pulse_ks"


class Asked(msgspec.Struct, frozen=True):
    """How one column is to be measured, never left to Evidently's defaults, which change with the size."""

    method: str
    threshold: float


class Reported(msgspec.Struct, frozen=True):
    """The distance of each column that was asked for, and the page as HTML."""

    scores: dict[str, float]
    html: str


def report(
    definition: Any,
    current: pd.DataFrame,
    reference: pd.DataFrame,
    asked: Mapping[str, Asked],
) -> Reported:
    """Run Evidently on two frames. Every column that is asked for must have a value on both sides.

    Raises PulseError ``drift.evidently`` in Evidently's own words where it cannot measure one.
    """
    with _quiet(), _door():
        from evidently import Dataset, Report
        from evidently.metrics import ValueDrift

        _register()
        metrics = [
            ValueDrift(column=name, method=_name(how.method), threshold=how.threshold)
            for name, how in asked.items()
        ]
        sides = [Dataset.from_pandas(data, data_definition=definition) for data in (current, reference)]
        done = Report(metrics, include_tests=False).run(*sides)
        found = {entry["config"]["column"]: float(entry["value"]) for entry in done.dict()["metrics"]}
        return Reported(found, done.get_html_str(as_iframe=False))


def _name(method: str) -> str:
    return _OWN_KS if method == "ks" else method


def _register() -> None:
    from evidently.legacy.calculations.stattests.registry import StatTest, register_stattest
    from evidently.legacy.core import ColumnType

    test = StatTest(
        name=_OWN_KS,
        display_name="Kolmogorov-Smirnov distance",
        allowed_feature_types=[ColumnType.Numerical],
        default_threshold=0.1,
    )
    register_stattest(test, _kolmogorov_smirnov)


def _kolmogorov_smirnov(reference: Any, current: Any, _kind: Any, threshold: float) -> tuple[float, bool]:
    import numpy as np

    from pulse_blocks.sketches.distances import kolmogorov_smirnov

    found = kolmogorov_smirnov(np.sort(np.asarray(reference)), np.sort(np.asarray(current)))
    return found, found >= threshold


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """A column without spread makes NumPy warn about its correlation, which nobody asked for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("evidently").setLevel(logging.ERROR)
        yield


@contextlib.contextmanager
def _door() -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        raise PulseError(
            "drift.evidently",
            f"Evidently cannot measure this window: {reason}.",
            "Please report this with the window's start and end: it is an error of Pulse's own.",
        ) from error
