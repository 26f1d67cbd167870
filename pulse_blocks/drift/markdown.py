"""A result for people to read: Markdown, and rows of a small table. Prefect clips tables at about five columns."""

from __future__ import annotations

from collections.abc import Sequence

from pulse_blocks.drift.result import ColumnFinding, DriftResult

_SAID = {
    "too_few_rows": "too few rows to say",
    "calm": "calm",
    "suspected": "drifted, but not for long enough yet",
    "drifted": "drifted",
    "cooling": "drifted, and the last alarm is still fresh",
}
_BAR = 10


def headline(result: DriftResult) -> str:
    """The verdict in one sentence."""
    share = "" if result.share is None else f": {result.share:.0%} of the features by weight"
    return f"{result.model} is {_SAID[result.verdict]}{share}."


def markdown(result: DriftResult) -> str:
    """The whole result."""
    window = f"{result.window_start} to {result.window_end}" if result.window_start else "none"
    facts = [
        ("Window", window),
        ("Rows", f"{result.rows:,} ({result.used:,} looked at)"),
        ("Snapshot compared with", f"`{result.snapshot}`"),
        ("Check", f"`{result.check}`"),
        ("What follows", result.action if result.verdict == "drifted" else "nothing"),
    ]
    if result.report:
        page = (
            f"[Evidently's page]({result.report})"
            if result.report.startswith("http")
            else f"`{result.report}`"
        )
        facts.append(("Report", page))
    parts = [
        f"### {headline(result)}",
        _table(("", ""), facts),
        "\n".join(f"- {reason}" for reason in result.reasons),
    ]
    if result.features:
        parts.append(_table(("Column", "Weight", "Distance", "Allowed", ""), _rows(result)))
    if result.before:
        earlier = [
            (f"{one.start} to {one.end}", f"{one.rows:,}", _word(one.drifted)) for one in result.before
        ]
        parts += ["#### The windows before", _table(("Window", "Rows", "Verdict"), earlier)]
    return "\n\n".join(parts)


def columns(result: DriftResult) -> list[dict[str, str]]:
    """A row for each column, the weightiest first, numbers rounded."""
    names = ("column", "weight", "distance", "allowed", "verdict")
    return [
        dict(zip(names, (name, weight, score, allowed, "drifted" if one.drifted else "calm"), strict=True))
        for name, one, weight, score, allowed in _cells(result)
    ]


def _rows(result: DriftResult) -> list[tuple[str, ...]]:
    return [(name, weight, score, allowed, _bar(one)) for name, one, weight, score, allowed in _cells(result)]


def _cells(result: DriftResult) -> list[tuple[str, ColumnFinding, str, str, str]]:
    found = sorted(result.features.items(), key=lambda pair: -pair[1].weight)
    cells = [(name, one, f"{one.weight:.0%}") for name, one in found]
    if result.prediction is not None:
        cells.append(("(prediction)", result.prediction, ""))
    return [
        (name, one, weight, "none" if one.score is None else f"{one.score:.4g}", f"{one.threshold:.4g}")
        for name, one, weight in cells
    ]


def _bar(one: ColumnFinding) -> str:
    """Half a bar is what is allowed."""
    reach = 2.0 if one.score is None else min(one.score / one.threshold, 2.0)
    full = round(reach * _BAR / 2)
    return "█" * full + "░" * (_BAR - full) + (" drifted" if one.drifted else "")


def _word(drifted: bool | None) -> str:
    return "too few rows" if drifted is None else "drifted" if drifted else "calm"


def _table(headers: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(headers) + " |", "|" + ":--|" * len(headers)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)
