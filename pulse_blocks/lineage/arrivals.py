"""Models that came from another workspace: where from, and where the rows are that they were trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.rows import StageRow
from pulse_blocks.lineage.node import Places, time_of
from pulse_blocks.records import Arrival, Snapshot, from_json
from pulse_blocks.snapshots.layout import chunk_key
from pulse_blocks.stores import open_store

if TYPE_CHECKING:
    from pulse_blocks.snapshots.verify import VerifyReport

_STAGE = "arrive"


def arrivals(ledger: Ledger, model: str) -> list[Arrival]:
    """Every time that a model came in, the oldest first. One that cannot be read is left out: the audit tells of it."""
    return [one for _, one in _read(ledger, model) if one.model == model]


def facts(places: Places, model: str) -> dict[str, object] | None:
    """The last arrival of a model as its node tells it; None where it was trained here."""
    found = [(at, one) for at, one in _read(places.ledger, model) if one.model == model]
    if not found:
        return None
    at, last = found[-1]
    names = ("store", "ledger", "data", "chunks", "cause", "reason", "who")
    return {"from": list(last.route), "at": time_of(at), **{name: getattr(last, name) for name in names}}


def reference(places: Places, snapshot_id: str) -> tuple[str, str] | None:
    """The workspace and the store that a snapshot's chunks are in, where they are not here."""
    for row in reversed(places.ledger.stages_beside("snapshot", snapshot_id, _STAGE)):
        if (one := _record(row)) is not None and one.chunks:
            return one.route[-1], one.chunks
    return None


def verify_snapshot(places: Places, snapshot: Snapshot, *, values: bool = False) -> VerifyReport:
    """As ``snapshots.verify``, with the chunks where they are: here, or in the store of another workspace."""
    from pulse_blocks.snapshots.verify import verify

    chunks = snapshot.chunks
    if not chunks or places.store.size(chunk_key(chunks[0].sha256)) is not None:
        return verify(places.store, snapshot, values=values)
    found = reference(places, snapshot.id)
    if found is None:
        return verify(places.store, snapshot, values=values)
    report = verify(open_store(found[1]), snapshot, values=values)
    told = tuple(f"Its rows are by reference in the workspace {found[0]}. {one}" for one in report.problems)
    return msgspec.structs.replace(report, problems=told)


def _read(ledger: Ledger, model: str) -> list[tuple[int, Arrival]]:
    rows = ((row.finished, _record(row)) for row in ledger.stage_rows(model, _STAGE))
    return [(at, one) for at, one in rows if one is not None]


def _record(row: StageRow) -> Arrival | None:
    try:
        return from_json(row.record, Arrival)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
