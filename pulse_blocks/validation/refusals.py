"""When a snapshot is refused, and in which words."""

from __future__ import annotations

from collections.abc import Collection

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.validation.report import Report


def refuse_target(protocol: Protocol, report: Report, nulls: int, values: Collection[object]) -> None:
    """Raise ``validation.target`` where the target has nulls, or one value over the accepted rows.

    ``values`` holds the distinct target values of accepted rows, or the first two of them.
    """
    name = protocol.target.name
    if nulls:
        raise PulseError(
            "validation.target",
            f"The target {name} is null in {nulls:,} of {report.rows:,} rows of {report.snapshot}.",
            f"Leave those rows out of the query (where {name} is not null).",
        )
    if report.rows > report.quarantined and len(values) == 1:
        (only,) = values
        what = "value" if protocol.task == "regression" else "class"
        raise PulseError(
            "validation.target",
            f"The target {name} has a single {what} ({_shown(only)}) in all "
            f"{report.rows - report.quarantined:,} accepted rows of {report.snapshot}: nothing can be learned.",
            f"Widen the window or correct the query, so that {name} takes at least two values.",
        )


def refuse_invalid(report: Report, where: str) -> None:
    """Raise ``validation.failed`` with a sentence for each reason; ``where`` is the report's place."""
    sentences = [check.message for check in report.checks if check.severity == "error" and not check.passed]
    if report.quarantined > report.allowed or report.quarantined == report.rows:
        sentences.append(_too_many(report) if report.rows else f"The snapshot {report.snapshot} has no rows.")
    if sentences:
        raise PulseError("validation.failed", " ".join(sentences), f"The report: {where}.")


def _too_many(report: Report) -> str:
    rules = [rule for rule in report.broken if rule.severity == "error"][:3]
    named = ", ".join(f"{rule.column} {rule.check} ({rule.rows:,})" for rule in rules)
    limit = f", more than the {report.allowed:,} that may go to quarantine" * (
        report.quarantined > report.allowed
    )
    return (
        f"{report.quarantined:,} of {report.rows:,} rows ({report.quarantined / report.rows:.2%}) break a rule"
        f"{limit}. Most broken: {named}."
    )


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
