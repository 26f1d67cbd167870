"""Evidently's word on a window that was judged: its page, and whether its distances are those of the verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from pulse_blocks.drift.baseline import Baseline
from pulse_blocks.drift.decoding import Gathered
from pulse_blocks.drift.measuring import Measure, Measures, distance
from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.spec import Protocol

# Both sum the same terms in another order; near zero Evidently takes roots of rounding errors.
_RELATIVE, _ABSOLUTE = 1e-6, 1e-6


class Compared(msgspec.Struct, frozen=True):
    """A window, what it was held against, and how each column is measured."""

    protocol: Protocol
    measures: Measures
    window: Gathered
    before: Baseline


def draw(compared: Compared) -> str:
    """Evidently's page as HTML, its columns measured by the protocol's methods.

    Takes seconds, most of them to import Evidently. Raises PulseError: ``drift.evidently`` where Evidently cannot
    measure a column, ``drift.evidently_differs`` where a distance of its own is not that of the verdict.
    """
    from pulse_blocks.drift import importing
    from pulse_blocks.drift.definition import data_definition, frame, prediction_name
    from pulse_blocks.drift.evidently_report import Asked, report

    importing.load()
    protocol = compared.protocol
    every = {**compared.measures.features, prediction_name(protocol): compared.measures.prediction}
    measured = {name: one for name, one in every.items() if one.before.size and one.now.size}
    with importing.uncollected():
        done = report(
            data_definition(protocol),
            frame(protocol, compared.window.columns, compared.window.answers),
            frame(protocol, compared.before.columns, compared.before.answers),
            {name: Asked(one.reference.method, one.threshold) for name, one in measured.items()},
        )
    _require_same(measured, done.scores)
    return done.html


def _require_same(measured: Mapping[str, Measure], scores: Mapping[str, float]) -> None:
    for name, one in measured.items():
        ours, theirs = distance(one) or 0.0, scores[name]
        # Evidently gives NaN for the root of a rounding error below zero.
        theirs = 0.0 if math.isnan(theirs) else theirs
        if not math.isclose(ours, theirs, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE):
            raise PulseError(
                "drift.evidently_differs",
                f"Evidently says that {name} is {theirs:.6g} away by {one.reference.method}; the verdict was made"
                f" with {ours:.6g}.",
                "The verdict stands, without a page. Please report this with the version of Evidently: its distances"
                " have changed.",
            )
