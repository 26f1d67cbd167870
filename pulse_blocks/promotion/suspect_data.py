"""Whether a champion that regressed was trained on data worse than those of the champion before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulse_blocks.ledger import Ledger
from pulse_blocks.protocol.columns import features
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Record, StoredModel, ValidatedData, from_json
from pulse_blocks.stores.base import Store

if TYPE_CHECKING:
    import pyarrow as pa

# Where the protocol leaves the threshold to calibration, which is about windows and not about snapshots: a
# Jensen-Shannon distance (0 to 0.83) that two samples of 10,000 rows of the same data stay far below.
_FAR = 0.2
# Quarantine may grow by so much of the rows before it says something.
_MORE_QUARANTINE = 0.001


class SuspectData(Record, frozen=True, kw_only=True):
    """``snapshot`` is suspected for ``reason``; ``before`` is what the champion before was trained on."""

    snapshot: str
    before: str
    reason: str


def suspect_data(
    ledger: Ledger, store: Store, protocol: Protocol, *, left: str, kept: str
) -> SuspectData | None:
    """What speaks against the snapshot of the model ``left``, beside that of the model ``kept``.

    First what validation said of both, then how far their reference samples are apart. None where both models
    were trained on the same snapshot, where nothing speaks against it, or where the ledger does not know.
    """
    snapshot, before = _snapshot_of(ledger, left), _snapshot_of(ledger, kept)
    if snapshot is None or before is None or snapshot == before:
        return None
    reason = _worse(ledger, snapshot, before) or _drifted(store, protocol, snapshot, before)
    return SuspectData(snapshot=snapshot, before=before, reason=reason) if reason else None


def _snapshot_of(ledger: Ledger, model: str) -> str | None:
    rows = [row for row in ledger.stage_rows(model, "store") if row.record_id == model]
    return from_json(rows[-1].record, StoredModel).snapshot if rows else None


def _worse(ledger: Ledger, snapshot: str, before: str) -> str | None:
    now, then = _validated(ledger, snapshot), _validated(ledger, before)
    if now is None or then is None:
        return None
    share, usual = (one.quarantined / one.rows for one in (now, then))
    if share > usual + _MORE_QUARANTINE:
        return f"{share:.2%} of the rows of {snapshot} are in quarantine, {usual:.2%} of {before}."
    if now.warnings > then.warnings:
        return f"{snapshot} breaks {now.warnings} rules of severity warn, {before} {then.warnings}."
    return None


def _validated(ledger: Ledger, snapshot: str) -> ValidatedData | None:
    rows = ledger.stage_rows(snapshot, "validate")
    return from_json(rows[-1].record, ValidatedData) if rows else None


def _drifted(store: Store, protocol: Protocol, snapshot: str, before: str) -> str | None:
    from pulse_blocks.snapshots.reading import load, load_sample

    now, then = (load_sample(store, load(store, one)) for one in (snapshot, before))
    spec = protocol.monitoring.features
    method, far = ("jensenshannon", _FAR) if spec.threshold == "auto" else (spec.method, spec.threshold)
    columns = [(column.name, column.field.type in ("category", "string")) for column in features(protocol)]
    far_off = [name for name, is_word in columns if _distance(then, now, name, method, is_word=is_word) > far]
    share = len(far_off) / len(columns)
    if share < spec.share:
        return None
    named = ", ".join(far_off[:5])
    return f"{len(far_off)} of {len(columns)} features of {snapshot} are far from {before}: {named}."


def _distance(then: pa.Table, now: pa.Table, name: str, method: str, *, is_word: bool) -> float:
    """How far a column has moved; 0 where one side has no values."""
    import numpy as np

    from pulse_blocks.sketches.distances import Reference

    columns = [table.column(name).drop_null() for table in (then, now)]
    if any(len(column) == 0 for column in columns):
        return 0.0
    if is_word:
        words = sorted({word for column in columns for word in column.unique().to_pylist()}, key=str)
        code = {word: float(number) for number, word in enumerate(words)}
        values = [np.array([code[word] for word in column.to_pylist()]) for column in columns]
    else:
        values = [np.asarray(_numbers(column), np.float64) for column in columns]
    return Reference(values[0], categorical=is_word).distance(
        method if not is_word else "jensenshannon", values[1]
    )


def _numbers(column: pa.ChunkedArray) -> list[float]:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        column = column.cast(pa.timestamp("us")).cast(pa.int64())
    return [float(value) for value in column.to_pylist()]
