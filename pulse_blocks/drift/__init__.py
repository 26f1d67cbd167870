"""Drift: does what comes in now still look like what the model was trained on? Evidently, and nowhere else.

Importing this package loads neither evidently nor pandas.
"""

from __future__ import annotations

from pulse_blocks.drift.result import DriftResult

__all__ = ["DriftResult"]
