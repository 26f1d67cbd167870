"""The verdict on a snapshot: one pass over its rows, a report, a quarantine, or a refusal."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from pulse_blocks.errors import PulseError
from pulse_blocks.progress import report as progress
from pulse_blocks.protocol.columns import all_columns
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import ProtocolRef, Snapshot, ValidatedData, to_json
from pulse_blocks.snapshots.sealing import seal
from pulse_blocks.stores.base import Store
from pulse_blocks.validation.html import report_html
from pulse_blocks.validation.quarantine import write_quarantine
from pulse_blocks.validation.refusals import refuse_invalid, refuse_target
from pulse_blocks.validation.report import Report

# A failed run keeps this many broken rows for people to look at; an accepted one keeps all.
SHOWN_ON_FAILURE = 10_000


def validate(
    protocol: Protocol, snapshot: Snapshot, store: Store, window_end: str | None = None
) -> ValidatedData:
    """Check every row of ``snapshot``, store the report, and quarantine rows that break an error rule.

    ``window_end`` (ISO, UTC) is what ``fresh`` counts from; without it the end of the snapshot's window, or
    its creation. Raises PulseError: ``validation.failed`` where more rows break rules than
    ``on_invalid.quarantine_up_to`` allows or a check on the table fails, ``validation.target`` where the
    target has nulls or a single value, ``validation.columns`` where the snapshot is of other columns.
    """
    from pulse_blocks.validation.distribution import measure
    from pulse_blocks.validation.scan import scan
    from pulse_blocks.validation.table_checks import table_checks

    _require_columns(protocol, snapshot)
    found = scan(protocol, snapshot, store)
    end = window_end or (snapshot.window.end if snapshot.window else snapshot.created)
    broken = found.tally.quarantined(snapshot.rows)
    report = Report(
        snapshot=snapshot.id,
        protocol=ProtocolRef(name=protocol.name, version=protocol.version, digest=protocol.digest),
        rows=snapshot.rows,
        quarantined=len(broken),
        allowed=_allowed(snapshot.rows, protocol.on_invalid.quarantine_up_to),
        rules=found.tally.results(),
        checks=table_checks(
            protocol, snapshot.rows, found.newest, end, measure(protocol, snapshot, store, broken)
        ),
    )
    folder = f"snapshots/{snapshot.id}/validation/{protocol.digest[:12]}"
    report_key = f"{folder}/report.json"
    kept = broken if len(broken) <= report.allowed else broken[:SHOWN_ON_FAILURE]
    quarantine_key = f"{folder}/quarantine.parquet" if len(kept) else None
    if quarantine_key:
        columns = [column.name for column in all_columns(protocol)]
        rows = found.broken.table(store, snapshot, kept, columns)
        sha256 = write_quarantine(store, quarantine_key, rows, rows=kept, rules=found.tally.names(kept))
        report = msgspec.structs.replace(report, quarantine_sha256=sha256)
    _write_report(store, report_key, seal(to_json(report)))
    _write_report(store, f"{folder}/report.html", report_html(report).encode())
    refuse_target(protocol, report, found.target_nulls, found.target_values)
    refuse_invalid(report, store.locate(report_key))
    progress("validate", snapshot.rows, snapshot.rows)
    return ValidatedData(
        snapshot=snapshot.id,
        rows=snapshot.rows,
        quarantined=report.quarantined,
        warnings=report.warnings,
        report=report_key,
        quarantine=quarantine_key,
    )


def _allowed(rows: int, share: float) -> int:
    """Whole rows of a decimal share: 29 of 100 for 0.29, though the product of the floats is a hair below."""
    return int(rows * Decimal(repr(share)))


def _write_report(store: Store, key: str, data: bytes) -> None:
    """``fresh`` depends on the end of the run's window, so the same snapshot may get another report."""
    if store.size(key) is not None and store.get(key) != data:
        store.delete(key)
    store.put(key, data)


def _require_columns(protocol: Protocol, snapshot: Snapshot) -> None:
    held = {column.name: column.type for column in snapshot.columns}
    wrong = [c.name for c in all_columns(protocol) if held.get(c.name) != c.field.type]
    if wrong:
        raise PulseError(
            "validation.columns",
            f"The snapshot {snapshot.id} does not hold these columns as {protocol.name} declares them: "
            f"{', '.join(wrong)}.",
            "Ingest the data again with this protocol.",
        )
