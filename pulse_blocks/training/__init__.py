"""Training: a validated snapshot becomes a LightGBM model, judged on rows that it has not seen.

Importing this package loads neither lightgbm, scikit-learn nor pyarrow, and settles how OpenMP's threads will wait
before any of its modules can load it.
"""

from __future__ import annotations

import pulse_blocks.training.threads  # noqa: F401
from pulse_blocks.training.fitted import Champion, Fitted, Smoke
from pulse_blocks.training.fitting import fit
from pulse_blocks.training.gates import GateResult, lost, require
from pulse_blocks.training.text import trees_sha256

__all__ = ["Champion", "Fitted", "GateResult", "Smoke", "fit", "lost", "require", "trees_sha256"]
