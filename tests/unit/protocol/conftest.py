"""A sound protocol as text, and ways to change it and to read what is then wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pulse_blocks.errors import Problem, ProtocolError
from pulse_blocks.protocol import loading

SOUND = """\
pulse: 1
name: flight-delay
version: 1.0.0
task: binary-classification
source:
  datasource: flights
  query: select * from flights where scheduled >= :start and scheduled < :end
  window: {start: 2013-01-01, end: 2013-04-01}
  time: scheduled
  key: [flight_id]
features:
  distance: {type: float, ge: 0, le: 6000}
  carrier: {type: category, values: [AA, UA, NO]}
  month: {type: int, ge: 1, le: 12}
  night: {type: bool, nullable: true}
columns:
  flight_id: {type: int, ge: 1}
  tailnum: {type: string, pattern: '^[A-Z0-9]{5,6}$', nullable: true}
  departure: {type: timestamp, nullable: true}
  arrival: {type: timestamp, nullable: true}
target: {name: late, type: bool}
checks:
  - {name: arrives-after-departure, expr: arrival >= departure}
  - {unique: [flight_id]}
  - {rows: {ge: 1000}}
  - {fresh: {within: 7d}, severity: warn}
training:
  params: {num_leaves: 63}
  split: {by: time, test: 0.2}
  metrics: [accuracy, roc_auc]
  gates:
    - {metric: roc_auc, at_least: 0.7}
  schedule: "0 3 * * 1"
"""

Change = Callable[[str, str], tuple[Problem, ...]]


def problems_in(text: str) -> tuple[Problem, ...]:
    """Every problem of a text, none where it is sound."""
    try:
        loading.loads(text, "p.yaml")
    except ProtocolError as error:
        return error.problems
    return ()


@pytest.fixture
def sound() -> str:
    """The text of a protocol without problems."""
    return SOUND


@pytest.fixture
def problems() -> Callable[[str], tuple[Problem, ...]]:
    """Every problem of a text, none where it is sound."""
    return problems_in


@pytest.fixture
def change() -> Change:
    """Every problem of the sound protocol once ``old``, which must be in it, is replaced by ``new``."""

    def changed(old: str, new: str) -> tuple[Problem, ...]:
        assert old in SOUND
        return problems_in(SOUND.replace(old, new, 1))

    return changed
