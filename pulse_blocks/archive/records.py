"""What archiving and retention did, name by name."""

from __future__ import annotations

from pulse_blocks.records import Record


class Moved(Record, frozen=True, kw_only=True):
    """Inferences of a name made before ``before`` (ISO 8601, UTC) that left the ledger: for ``files``, of ``bytes``.

    ``days`` counts them by day. In a dry run they are those that would leave, and there are no files.
    """

    name: str
    before: str
    rows: int
    days: dict[str, int]
    files: tuple[str, ...]
    bytes: int


class Expired(Record, frozen=True, kw_only=True):
    """Archives of a name whose last inference was made before ``before`` and that are deleted now.

    ``kept`` says for each that has to stay nevertheless why: a legal hold, or Object Lock.
    """

    name: str
    before: str
    rows: int
    files: tuple[str, ...]
    kept: dict[str, str]


class Maintained(Record, frozen=True, kw_only=True):
    """One round of maintenance. ``problems`` holds what was skipped, in words, by name."""

    moved: tuple[Moved, ...]
    expired: tuple[Expired, ...]
    problems: dict[str, str]
