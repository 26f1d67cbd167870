"""Whether a ledger's schema and this version of the code fit each other."""

from __future__ import annotations

from pulse_blocks.errors import PulseError
from pulse_blocks.ledger.base import REVISIONS


def require_revision(place: str, found: str | None) -> None:
    """Raise PulseError unless ``found`` is the newest revision; ``place`` names the ledger in errors."""
    if found == REVISIONS[-1]:
        return
    if found is None:
        raise PulseError(
            "ledger.missing",
            f"Nothing has been run here yet: there is no ledger at {place}.",
            "Run a model first: pulse run NAME.",
        )
    if found in REVISIONS:
        raise PulseError(
            "ledger.outdated",
            f"The ledger {place} has schema {found}, older than {REVISIONS[-1]}.",
            "The next pulse run brings it up to date.",
        )
    raise PulseError(
        "ledger.newer",
        f"The ledger {place} has schema {found}, which this version of Pulse does not know.",
        "Upgrade pulse-blocks to the version that wrote it.",
    )
