"""Real flights as windows of drift: a model trained on January to March, and every week of the year after it."""

from __future__ import annotations

import datetime as dt
import shutil
import sqlite3
from pathlib import Path

import lightgbm as lgb
import msgspec
import numpy as np

from pulse_blocks import bundle, settings
from pulse_blocks.demo.flights import write_flights
from pulse_blocks.protocol import loading
from pulse_blocks.protocol.columns import features
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.sketches.calibration import calibrate
from pulse_blocks.snapshots.reading import load, load_sample
from pulse_blocks.stores import open_store
from pulse_blocks.training.calm import seconds, within
from pulse_blocks.training.encoding import matrix
from pulse_blocks.training.measured import Column, by_chance, distances, measured_columns
from tests import six_stages

ROOT = Path(__file__).parents[2]
WEEK = 7 * 86_400
MONTHS = (4, 5, 6, 7, 8, 9, 10, 11, 12)


class Flights(msgspec.Struct):
    """All flights with an outcome: features and prediction as numbers, event times, whether late."""

    protocol: Protocol
    numbers: np.ndarray
    times: np.ndarray
    late: np.ndarray
    measured: list[Column]
    sample_times: np.ndarray
    weights: np.ndarray
    chance: np.ndarray


def first_of(month: int, day: int = 1) -> int:
    """Seconds since 1970 of a day of 2013."""
    return int(dt.datetime(2013, month, day, tzinfo=dt.UTC).timestamp())


CALM = [first_of(1) + number * WEEK for number in range(12)]


def calm_distances(flights: Flights) -> np.ndarray:
    """Columns by calm weeks."""
    return np.array([measure(flights, start) for start in CALM]).T


def prepare(folder: Path) -> Flights:
    """Train the demo's model by the six stages, and decode the year."""
    (folder / "protocols").mkdir()
    (folder / ".pulse").mkdir()
    shutil.copy(ROOT / "protocols" / "flight-delay.yaml", folder / "protocols")
    (folder / ".pulse" / "workspace.toml").write_text('[datasources.flights]\nurl = "sqlite:///flights.db"\n')
    write_flights(folder / "flights.db")
    workspace = settings.load(folder, environ={})
    done = six_stages.run(workspace, "flight-delay")
    store = open_store(workspace.store)
    loaded = bundle.load(store, done.stored.bundle, done.stored.bundle_sha256)
    assert loaded.bundle.drift is not None
    protocol = loading.load(loading.find(workspace, "flight-delay"))
    columns = features(protocol)
    sample = load_sample(store, load(store, done.taken.id))
    rows = matrix(sample, columns)
    good = within(rows, columns)
    weights = {name: one.weight for name, one in loaded.bundle.drift.features.items()}
    measured = measured_columns(protocol, with_answers(loaded.model_text, rows[good]), weights)
    numbers, times, late = _year(folder / "flights.db", protocol)
    found = with_answers(loaded.model_text, numbers)
    trained = found[times < first_of(4)]
    return Flights(
        protocol=protocol,
        numbers=found,
        times=times,
        late=late,
        measured=measured,
        sample_times=seconds(sample.column("scheduled"))[good],
        weights=np.array([column.weight for column in measured[:-1]]),
        chance=by_chance(measured, trained, protocol.training.seed),
    )


def with_answers(text: bytes, rows: np.ndarray) -> np.ndarray:
    """Features and, as the last column, the prediction."""
    return np.column_stack([rows, np.asarray(lgb.Booster(model_str=text.decode()).predict(rows))])


def _year(path: Path, protocol: Protocol) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    names = list(protocol.features)
    with sqlite3.connect(path) as db:
        rows = db.execute(
            f"select {', '.join(names)}, unixepoch(scheduled), late from flights where late is not null"  # noqa: S608 - names of ours
            " order by scheduled, flight_id"
        ).fetchall()
    db.close()
    table = list(zip(*rows, strict=True))
    numbers = np.empty((len(rows), len(names)))
    for at, (name, values) in enumerate(zip(names, table, strict=False)):
        codes = protocol.features[name].values
        known = None if codes is None else {value: float(code) for code, value in enumerate(codes)}
        numbers[:, at] = [
            np.nan if value is None else value if known is None else known.get(value, np.nan)
            for value in values
        ]
    return numbers, np.array(table[-2], np.float64), np.array(table[-1], np.float64)


def week(flights: Flights, start: float) -> np.ndarray:
    """Which flights a window of seven days holds."""
    return np.asarray((flights.times >= start) & (flights.times < start + WEEK))


def measure(flights: Flights, start: float) -> np.ndarray:
    """The distance of each column in the week from ``start`` to the sample without that week."""
    keep = ~((flights.sample_times >= start) & (flights.sample_times < start + WEEK))
    return np.array(distances(flights.measured, flights.numbers[week(flights, start)], keep))


class Verdict(msgspec.Struct, frozen=True):
    """The weighed share of drifted features, whether the prediction has drifted, and both together."""

    share: float
    prediction: bool
    drifted: bool


def verdict(flights: Flights, calm: np.ndarray, now: np.ndarray) -> Verdict:
    """The verdict on distances ``now``, by thresholds calibrated on ``calm`` (columns by windows)."""
    share = flights.protocol.monitoring.features.share
    inputs = calibrate(calm[:-1], flights.chance[:-1], flights.weights, share)
    answer = calibrate(calm[-1:], flights.chance[-1:], np.ones(1), 1.0)
    found = float(flights.weights[now[:-1] >= inputs.thresholds].sum())
    prediction = bool(now[-1] >= answer.thresholds[0])
    return Verdict(found, prediction, found >= share or prediction)


def retrained(flights: Flights, until: float) -> np.ndarray:
    """Predictions for the whole year of a model that was trained on all flights before ``until``."""
    params = dict(flights.protocol.training.params) | {
        "objective": "binary", "verbosity": -1, "seed": flights.protocol.training.seed, "num_threads": 1,
    }  # fmt: skip
    rows = flights.times < until
    categories = [
        at for at, column in enumerate(features(flights.protocol)) if column.field.type == "category"
    ]
    data = lgb.Dataset(flights.numbers[rows, :-1], flights.late[rows], categorical_feature=categories)
    booster = lgb.train(params, data, flights.protocol.training.rounds)
    return np.asarray(booster.predict(flights.numbers[:, :-1]))
