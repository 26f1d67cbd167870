"""Batch scoring: a datasource in, predictions with inference ids out, by the model that is champion.

The same predictor and the same contract as the runtime's; the rows go by in a stream.
"""

from __future__ import annotations

from pulse_blocks.scoring.records import Asked, Scored
from pulse_blocks.scoring.running import ScoringRun, begin

__all__ = ["Asked", "Scored", "ScoringRun", "begin"]
