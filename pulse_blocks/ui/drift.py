"""A name's drift checks over time, as far as a page shows them."""

from __future__ import annotations

import msgspec

from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.drift_checks import DriftCheck
from pulse_blocks.lineage.node import time_of
from pulse_blocks.records import Record

_CHECKS = 60
_FEATURES = 3


class _Feature(msgspec.Struct, frozen=True):
    score: float | None = None
    threshold: float | None = None
    drifted: bool = False


class _Found(msgspec.Struct, frozen=True):
    """What a page needs of a check's result; whatever else it holds is passed over."""

    share: float | None = None
    share_threshold: float | None = None
    features: dict[str, _Feature] = {}


class CheckRow(Record, frozen=True, kw_only=True):
    """One check. ``share`` is the weighed share of drifted features, ``features`` those that moved furthest."""

    id: str
    at: str
    verdict: str
    calm: bool
    window: str
    rows: int
    share: float
    features: tuple[str, ...]


class DriftHistory(Record, frozen=True, kw_only=True):
    """The last checks, the oldest first; ``limit`` is the share from which features count as drifted."""

    checks: tuple[CheckRow, ...]
    limit: float | None

    @property
    def newest(self) -> CheckRow | None:
        """The last one, None where there was none."""
        return self.checks[-1] if self.checks else None


def drift_history(ledger: Ledger, name: str) -> DriftHistory:
    """Of a name, across its models."""
    found = [(one, _found(one)) for one in reversed(ledger.drift_checks(name, _CHECKS))]
    limits = [result.share_threshold for _, result in found if result.share_threshold is not None]
    return DriftHistory(
        checks=tuple(_row(one, result) for one, result in found), limit=limits[-1] if limits else None
    )


def _found(check: DriftCheck) -> _Found:
    return msgspec.json.decode(check.result, type=_Found)


def _row(check: DriftCheck, found: _Found) -> CheckRow:
    beyond = {name: one for name, one in found.features.items() if one.drifted}
    furthest = sorted(beyond, key=lambda name: _times_over(beyond[name]), reverse=True)
    return CheckRow(
        id=check.id,
        at=time_of(check.at),
        verdict=check.verdict.replace("_", " "),
        calm=check.verdict in ("calm", "too_few_rows"),
        window=_window(check),
        rows=check.rows,
        share=found.share or 0.0,
        features=tuple(furthest[:_FEATURES]),
    )


def _times_over(feature: _Feature) -> float:
    return (feature.score or 0.0) / feature.threshold if feature.threshold else 0.0


def _window(check: DriftCheck) -> str:
    if check.window_start is None or check.window_end is None:
        return "–"  # noqa: RUF001 - an en dash, as in every empty cell
    return f"{time_of(check.window_start)[:10]} to {time_of(check.window_end)[:10]}"
