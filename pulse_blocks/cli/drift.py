"""``pulse drift``: does what comes in still look like what the model was trained on?"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pulse_blocks.cli import completing
from pulse_blocks.cli.failures import REFUSED, printable
from pulse_blocks.cli.output import Json, emit, facts, note, table

if TYPE_CHECKING:
    from pulse_blocks.drift.result import ColumnFinding, DriftResult

_BAR = 20
_WORDS = {
    "too_few_rows": "too few rows to say",
    "calm": "calm",
    "suspected": "drifted, not for long enough yet",
    "drifted": "drifted",
    "cooling": "drifted; the last alarm is still fresh",
}


def drift(
    name: Annotated[
        str, typer.Argument(help="Name of a protocol that has a model.", autocompletion=completing.protocols)
    ],
    *,
    window_end: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="End of the window, as 2013-06-08T00:00:00Z; else the newest row."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Judge the newest window of what a model was asked, as the drift flow does. Exit code 1 where it has drifted.

    The check is recorded, and an alarm goes to Prefect.
    """
    from pulse_blocks import settings
    from pulse_blocks.drift.flow import check_drift

    end = None if window_end is None else _microseconds(window_end)
    note("Looking at the window ...")
    result = check_drift(settings.load(), name, end)
    emit(as_data(result), lambda: render(result), as_json=as_json)
    if result.drift:
        raise typer.Exit(REFUSED)


def as_data(result: DriftResult) -> dict[str, Any]:
    """The result as JSON has it."""
    from pulse_blocks.records import as_dict

    return as_dict(result)


def render(result: DriftResult) -> str:
    """The verdict, a table of columns with a bar each, and the reasons."""
    window = "none" if result.window_start is None else f"{result.window_start} to {result.window_end}"
    parts = [
        facts(
            [
                ("Verdict", _WORDS[result.verdict]),
                ("Model", result.model),
                ("Window", f"{window}, {result.rows:,} rows"),
                ("Check", result.check),
                *([("Report", result.report)] if result.report else []),
            ]
        )
    ]
    if result.features:
        parts.append(_columns(result))
    parts.append("\n".join(f"- {printable(reason)}" for reason in result.reasons))
    return "\n\n".join(parts)


def _columns(result: DriftResult) -> str:
    ordered = sorted(result.features.items(), key=lambda pair: -pair[1].weight)
    rows = [_row(name, one, f"{one.weight:.0%}") for name, one in ordered]
    if result.prediction is not None:
        rows.append(_row("(prediction)", result.prediction, ""))
    headers = ["COLUMN", "WEIGHT", "DISTANCE", "ALLOWED", "0 ... allowed ... twice", ""]
    return table(headers, rows, right=(1, 2, 3))


def _row(name: str, one: ColumnFinding, weight: str) -> list[str]:
    score = "none" if one.score is None else f"{one.score:.4g}"
    reach = 2.0 if one.score is None else min(one.score / one.threshold, 2.0)
    full = round(reach * _BAR / 2)
    said = "drifted" if one.drifted else ""
    if one.drifted and one.score is not None and one.score < one.threshold:
        said = f"drifted: {one.missing:.0%} nulls"
    return [printable(name), weight, score, f"{one.threshold:.4g}", "█" * full + "·" * (_BAR - full), said]


def _microseconds(text: str) -> int:
    """A time in ISO 8601; without a zone it is UTC."""
    try:
        time = dt.datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time: write 2013-06-08T00:00:00Z.") from None
    aware = time if time.tzinfo else time.replace(tzinfo=dt.UTC)
    return int(aware.timestamp() * 1_000_000)
