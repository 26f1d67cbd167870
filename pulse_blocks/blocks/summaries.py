"""What each stage leaves for people to read: Markdown for a Prefect artifact. Pure functions of records.

Prefect's UI clips tables at about five columns and shows raw floats: tables here have two, numbers are rounded.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import singledispatch

from pulse_blocks.records import (
    Deployment,
    RawBatch,
    Record,
    SnapshotRef,
    StoredModel,
    TrainedModel,
    ValidatedData,
)


@singledispatch
def summary(record: Record) -> str:
    """The record of a stage as Markdown."""
    raise TypeError(f"no summary for {type(record).__name__}")


@summary.register
def _ingest(record: RawBatch) -> str:
    if record.restored:
        rows = [("Snapshot", f"`{record.restored}`"), ("Rows", f"{record.rows:,}")]
        end = f"Nothing was read from {record.datasource}. `pulse snapshot restore --undo` lets runs read it again."
        return f"### {record.restored} was restored: it is the training data\n\n{_table(rows)}\n\n{end}"
    window = f"{record.window.start} to {record.window.end}" if record.window else "everything"
    rows = [
        ("Datasource", record.datasource),
        ("Window", window),
        ("Rows", f"{record.rows:,}"),
        ("Columns", f"{len(record.columns)}"),
        ("Chunks", f"{len(record.chunks):,}"),
        ("New bytes in the store", f"{record.new_bytes:,}"),
    ]
    text = f"### {record.rows:,} rows from {record.datasource}\n\n{_table(rows)}"
    if record.left_out:
        names = ", ".join(f"`{name}`" for name in record.left_out)
        text += f"\n\nThe query also gives {names}, which the protocol does not name: left out."
    return text


@summary.register
def _snapshot(record: SnapshotRef) -> str:
    rows = [
        ("Snapshot", f"`{record.id}`"),
        ("Hash", f"`sha256:{record.hash}`"),
        ("Created", record.created),
        ("Rows", f"{record.rows:,}"),
        ("Bytes", f"{record.bytes:,}"),
    ]
    heading = "unchanged data, nothing was written" if record.existed else "new data"
    return f"### {record.id}: {heading}\n\n{_table(rows)}"


@summary.register
def _validate(record: ValidatedData) -> str:
    rows = [
        ("Snapshot", f"`{record.snapshot}`"),
        ("Rows", f"{record.rows:,}"),
        ("In quarantine", f"{record.quarantined:,}"),
        ("Warnings", f"{record.warnings:,}"),
        ("Report", f"`{record.report}`"),
    ]
    if record.quarantine:
        rows.append(("Quarantined rows", f"`{record.quarantine}`"))
    return f"### {record.rows - record.quarantined:,} of {record.rows:,} rows hold the contract\n\n{_table(rows)}"


@summary.register
def _train(record: TrainedModel) -> str:
    facts = [
        ("Model", f"`{record.model}`"),
        ("Run", f"`{record.run}`"),
        ("Snapshot", f"`{record.snapshot}`"),
        ("Trained on", f"{record.train_rows:,} rows"),
        ("Held out", f"{record.test_rows:,} rows"),
        ("Seconds", f"{record.seconds:.1f}"),
    ]
    if record.restored:
        facts.append(("Restored data", record.restored))
    if record.threshold is not None:
        facts.append(("Decides yes from", f"{record.threshold:.4f} on, chosen on validation rows"))
    metrics = [(name, _sure(value, record.intervals.get(name))) for name, value in record.metrics.items()]
    return f"### {record.model}\n\n{_table(facts)}\n\n#### On the held-out part\n\n{_table(metrics)}"


@summary.register
def _store(record: StoredModel) -> str:
    rows = [
        ("Model", f"`{record.model}`"),
        ("Version in MLflow", record.version),
        ("Bundle", f"`{record.bundle}`"),
        ("Bundle's hash", f"`sha256:{record.bundle_sha256}`"),
    ]
    return f"### {record.model} is registered as version {record.version}\n\n{_table(rows)}"


@summary.register
def _deploy(record: Deployment) -> str:
    rows = [
        ("Champion", f"`{record.champion}`"),
        ("Before", f"`{record.previous}`" if record.previous else "none"),
        ("Trained now", f"`{record.model}`"),
        ("Run", f"`{record.run}`"),
        ("Snapshot", f"`{record.snapshot}`"),
    ]
    return f"### {record.reason}\n\n{_table(rows)}"


def _sure(value: float, interval: tuple[float, float] | None) -> str:
    """A metric with its confidence interval: ``0.9132 (0.9051 to 0.9209)``."""
    return f"{value:.4f}" + (f" ({interval[0]:.4f} to {interval[1]:.4f})" if interval else "")


def _table(rows: Iterable[tuple[str, str]]) -> str:
    body = "\n".join(f"| {name} | {value} |" for name, value in rows)
    return f"| | |\n|:--|:--|\n{body}"
