"""A figure beside its target, as a line."""

from __future__ import annotations


def against(what: str, value: float, most: float, unit: str = "") -> str:
    """``what: value (at most target): ratio``; the ratio is left out where the target is nothing."""
    said = f"{what}: {_number(value)}{unit} (at most {_number(most)}{unit})"
    ratio = f", {value / most:.2f} of it" if most else ""
    return f"{said}{ratio}{'' if value <= most else ' - MISSED'}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 100 else f"{value:.2f}"
