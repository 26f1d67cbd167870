"""The report of a validation: what was checked, what was found. Frozen facts, no clock, no rendering."""

from __future__ import annotations

import msgspec

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.spec import Severity
from pulse_blocks.records import ProtocolRef, Record, ValidatedData
from pulse_blocks.snapshots.sealing import holds
from pulse_blocks.stores.base import Store


class Example(Record, frozen=True, kw_only=True):
    """One row that breaks a rule. ``row`` counts from 0 in the snapshot; values are text, null is None."""

    row: int
    key: dict[str, str | None]
    value: str | None


class RuleResult(Record, frozen=True, kw_only=True):
    """A rule on rows: how many break it. ``column`` names several columns where the rule is on several."""

    column: str
    check: str
    severity: Severity
    rows: int
    examples: tuple[Example, ...] = ()


class TableResult(Record, frozen=True, kw_only=True):
    """A rule on the whole table; ``message`` is a sentence with the value found."""

    check: str
    severity: Severity
    passed: bool
    message: str


class Report(Record, frozen=True, kw_only=True):
    """The verdict on a snapshot under a protocol. ``allowed`` is the number of rows that may be quarantined.

    ``quarantine_sha256`` is over the file of the quarantined rows, None where there are none.
    """

    snapshot: str
    protocol: ProtocolRef
    rows: int
    quarantined: int
    allowed: int
    rules: tuple[RuleResult, ...]
    checks: tuple[TableResult, ...]
    quarantine_sha256: str | None = None

    @property
    def broken(self) -> tuple[RuleResult, ...]:
        """The rules that some row breaks, the most broken first."""
        return tuple(sorted((rule for rule in self.rules if rule.rows), key=lambda rule: -rule.rows))

    @property
    def warnings(self) -> int:
        """How many rules of severity ``warn`` do not hold."""
        rules = sum(rule.severity == "warn" for rule in self.broken)
        return rules + sum(check.severity == "warn" and not check.passed for check in self.checks)


def load_report(store: Store, validated: ValidatedData) -> Report:
    """The report behind a verdict. Raises PulseError where it is missing, damaged or cannot be read."""
    data = store.get(validated.report)
    reason = "it differs from its checksum"
    if holds(data):
        try:
            return msgspec.json.decode(data, type=Report)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            reason = str(error)
    raise PulseError(
        "validation.report",
        f"The validation report {store.locate(validated.report)} cannot be read: {reason}.",
        "Delete it and run the protocol again.",
    )
