"""A finished check becomes a fact in the ledger, with its event; after that its page goes to MLflow, for people."""

from __future__ import annotations

from typing import Any

import msgspec

from pulse_blocks.drift.checking import Checked
from pulse_blocks.drift.page import Compared, draw
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


def record(checked: Checked, protocol: Protocol, ledger: Ledger) -> DriftResult:
    """Keep a verdict: the result and (where something follows) its event, in one transaction.

    Of two alarms within the cooldown the second is ``cooling``, even where both were decided at the same moment.
    """
    result = checked.result
    event = payload(result) if result.verdict == "drifted" else None
    quiet = int(seconds(protocol.monitoring.cooldown) * 1e6)
    if not ledger.add_drift_check(_row(result, checked), event, quiet):
        result = msgspec.structs.replace(result, verdict="cooling", reasons=(*result.reasons, _FRESH))
        ledger.add_drift_check(_row(result, checked))
    return result


def keep_report(checked: Checked, result: DriftResult, ledger: Ledger, workspace: Workspace) -> DriftResult:
    """Keep what people look at of a verdict that is recorded: metrics and Evidently's page, in MLflow.

    Returns the result with the page's address. Where MLflow is out of reach its reasons say so, and the check counts
    all the same. Raises PulseError as ``page.draw`` does.
    """
    if checked.compared is None:
        return result
    wanted = result.drift or not ledger.drift_report_since(result.model, checked.at - _CALM_PAGE_US)
    try:
        address = _tracked(checked, workspace, checked.compared if wanted else None)
    except UnavailableError:
        return msgspec.structs.replace(result, reasons=(*result.reasons, _UNTRACKED))
    if address is not None:
        ledger.add_drift_report(result.check, address)
    return msgspec.structs.replace(result, report=address)


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
        # The page is drawn when this has left.
        "report": None,
    }


def _tracked(checked: Checked, workspace: Workspace, drawn_from: Compared | None) -> str | None:
    from pulse_blocks.tracking import Tracking

    tracking = Tracking(workspace)
    page = None if drawn_from is None else draw(drawn_from)
    return tracking.log_drift(checked.result.name, checked.result.model, _facts(checked), page)


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
    )
