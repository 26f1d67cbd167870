"""Points of small charts, in the units of an SVG's view box. The numbers stand beside every chart as a table."""

from __future__ import annotations

from collections.abc import Sequence

from pulse_blocks.records import Record

WIDTH, HEIGHT, MARGIN = 600.0, 120.0, 8.0


class Chart(Record, frozen=True, kw_only=True):
    """``line`` is an SVG polyline's points, ``dots`` where each value stands, ``limits`` heights of thresholds."""

    line: str
    dots: tuple[tuple[float, float], ...]
    limit: float | None
    greatest: float


def chart(values: Sequence[float], limit: float | None = None) -> Chart:
    """A line through ``values`` from left to right; ``limit`` is drawn across it."""
    greatest = max([*values, limit or 0.0, 0.0]) or 1.0
    step = (WIDTH - 2 * MARGIN) / max(len(values) - 1, 1)
    dots = tuple((MARGIN + at * step, _height(value, greatest)) for at, value in enumerate(values))
    return Chart(
        line=" ".join(f"{x:.1f},{y:.1f}" for x, y in dots),
        dots=dots,
        limit=None if limit is None else _height(limit, greatest),
        greatest=greatest,
    )


def _height(value: float, greatest: float) -> float:
    return round(HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * value / greatest, 1)
