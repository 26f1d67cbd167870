"""Tracking: MLflow, and nowhere else. Importing this package does not load MLflow."""

from __future__ import annotations

from pulse_blocks.tracking.tracking import Tracking

__all__ = ["Tracking"]
