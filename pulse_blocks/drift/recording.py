"""A finished check becomes a fact: in the ledger with its event, and in MLflow for people to look at."""

from __future__ import annotations

from typing import Any

import msgspec

from pulse_blocks.drift.checking import Checked
from pulse_blocks.drift.result import DriftResult
from pulse_blocks.errors import UnavailableError
from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.drift_checks import DriftCheck
from pulse_blocks.protocol.spec import Protocol, seconds
from pulse_blocks.records import to_json
from pulse_blocks.settings import Workspace
from pulse_blocks.tracking.drift import DriftFacts

# A page is some 4 MB: of a model that stays calm one a day is enough.
_CALM_PAGE_US = 24 * 3600 * 1_000_000
_FRESH = "Another check has raised the alarm meanwhile: nothing follows from this one."
_UNTRACKED = "MLflow is out of reach: the report of this check was not kept."


def record(checked: Checked, protocol: Protocol, ledger: Ledger, workspace: Workspace) -> DriftResult:
    """Keep a check: page and metrics in MLflow, then the result and (where something follows) its event in the ledger.

    A check counts whether MLflow can be reached or not. Of two alarms within the cooldown the second is ``cooling``,
    even where both were decided at the same moment.
    """
    fresh = ledger.drift_report_since(checked.result.model, checked.at - _CALM_PAGE_US)
    result = _tracked(checked, workspace, None if fresh and not checked.result.drift else checked.page)
    event = payload(result) if result.verdict == "drifted" else None
    quiet = int(seconds(protocol.monitoring.cooldown) * 1e6)
    if not ledger.add_drift_check(_row(result, checked), event, quiet):
        result = msgspec.structs.replace(result, verdict="cooling", reasons=(*result.reasons, _FRESH))
        ledger.add_drift_check(_row(result, checked))
    return result


def payload(result: DriftResult) -> dict[str, Any]:
    """What the event ``pulse.drift.detected`` carries; its types survive into the parameters of a run."""
    return {
        "check": result.check,
        "name": result.name,
        "model": result.model,
        "action": result.action,
        "score": result.share,
        "window_start": result.window_start,
        "window_end": result.window_end,
        "rows": result.rows,
        "reasons": list(result.reasons),
        "report": result.report,
    }


def _tracked(checked: Checked, workspace: Workspace, page: str | None) -> DriftResult:
    if checked.result.verdict == "too_few_rows":
        return checked.result
    from pulse_blocks.tracking import Tracking

    try:
        tracking = Tracking(workspace)
        report = tracking.log_drift(checked.result.name, checked.result.model, _facts(checked), page)
    except UnavailableError:
        reasons = (*checked.result.reasons, _UNTRACKED)
        return msgspec.structs.replace(checked.result, reasons=reasons)
    return msgspec.structs.replace(checked.result, report=report)


def _facts(checked: Checked) -> DriftFacts:
    result, values = checked.result, dict[str, float | None]()
    values["share"] = result.share
    values["drifted"] = float(result.drift)
    values["rows"] = float(result.rows)
    values["prediction"] = result.prediction.score if result.prediction else None
    if result.performance is not None:
        values[f"performance/{result.performance.metric}"] = result.performance.value
    values |= {f"feature/{name}": one.score for name, one in result.features.items()}
    end = checked.bounds[1] if checked.bounds else checked.at
    known = {name: value for name, value in values.items() if value is not None}
    return DriftFacts(check=result.check, end_ms=end // 1000, metrics=known)


def _row(result: DriftResult, checked: Checked) -> DriftCheck:
    start, end = checked.bounds or (None, None)
    return DriftCheck(
        id=result.check,
        name=result.name,
        model=result.model,
        at=checked.at,
        window_start=start,
        window_end=end,
        rows=result.rows,
        verdict=result.verdict,
        result=to_json(result).decode(),
        report=result.report,
    )
