"""The reference side of a check: the sample that was kept when the model was trained, and what the model says to it."""

from __future__ import annotations

import hashlib
from array import array

import msgspec
import numpy as np

from pulse_blocks.boosters.predictor import Predictor
from pulse_blocks.bundle import LoadedBundle
from pulse_blocks.drift.decoding import Columns
from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.columns import features
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.sketches.reference import DriftReference
from pulse_blocks.stores.base import Store


class Baseline(msgspec.Struct, frozen=True):
    """Reference rows by column, and the prediction of each."""

    columns: Columns
    answers: np.ndarray


def reference_of(loaded: LoadedBundle) -> DriftReference:
    """What a model's drift is measured against. Raises PulseError ``drift.no_reference`` where it has none."""
    if loaded.bundle.drift is not None:
        return loaded.bundle.drift
    raise PulseError(
        "drift.no_reference",
        f"{loaded.bundle.model} was stored without a reference for drift: its data were too few to cut into windows, or"
        " an older Pulse trained it.",
        "Train it on more data; where the data stay the same, give the protocol a new version first.",
    )


def baseline(loaded: LoadedBundle, store: Store) -> Baseline:
    """The reference sample and the model's predictions for it.

    Raises PulseError ``drift.reference_damaged`` unless the file's bytes have the hash that the bundle names.
    """
    from pulse_blocks.snapshots.parquet import decode
    from pulse_blocks.training.calm import within
    from pulse_blocks.training.encoding import matrix

    reference, columns = reference_of(loaded), features(loaded.protocol)
    data = store.get(reference.sample)
    if hashlib.sha256(data).hexdigest() != reference.sample_sha256:
        raise PulseError(
            "drift.reference_damaged",
            f"The reference sample {store.locate(reference.sample)} is not what {loaded.bundle.model} was calibrated"
            f" with: its sha256 is not {reference.sample_sha256}.",
            "Nothing was judged. Restore the file from a backup, or train the model again.",
        )
    rows = matrix(decode(data), columns)
    rows = rows[within(rows, columns)]
    values = {column.name: rows[:, at] for at, column in enumerate(columns)}
    return Baseline(
        Columns(values, _texts(loaded.protocol)),
        _answers(loaded, rows),
    )


def _answers(loaded: LoadedBundle, rows: np.ndarray) -> np.ndarray:
    from pulse_blocks.training.calibrating import answers

    if not len(rows):
        return np.empty(0)
    predictor = Predictor(loaded.model_text, rows.shape[1])
    found = np.array(predictor.predict(array("d", rows.tobytes()), len(rows)))
    if predictor.outputs > 1:
        found = found.reshape(len(rows), predictor.outputs)
    return answers(loaded.bundle.calibration, found)


def _texts(protocol: Protocol) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, field in protocol.features.items():
        if field.type == "bool":
            found[name] = ("false", "true")
        elif field.type == "category":
            found[name] = tuple(map(str, field.values or ()))
    return found
