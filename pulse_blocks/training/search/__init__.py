"""Parameters chosen by trials on the validation rows, with Optuna; the held-out rows have no say in it.

Importing this package loads neither optuna nor lightgbm.
"""

from __future__ import annotations

from pulse_blocks.training.search.mapping import mapped_by
from pulse_blocks.training.search.searching import search
from pulse_blocks.training.search.trial import Trial, Tried, try_out

__all__ = ["Trial", "Tried", "mapped_by", "search", "try_out"]
