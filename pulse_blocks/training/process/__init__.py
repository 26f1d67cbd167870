"""Training in a process of its own: within a limit of memory and of time, killed without harm, gone when it is done.

The process knows LightGBM and a store, neither Prefect nor MLflow. A request comes to it on standard input; what it
has to say goes back through a pipe. Importing this package starts and loads nothing.
"""

from __future__ import annotations

from pulse_blocks.training.process.messages import Request
from pulse_blocks.training.process.pool import discard, prepare
from pulse_blocks.training.process.retrying import Outcome, fit_within, sentence
from pulse_blocks.training.process.watching import Beside, OutOfMemoryError, fit, try_out

__all__ = [
    "Beside",
    "OutOfMemoryError",
    "Outcome",
    "Request",
    "discard",
    "fit",
    "fit_within",
    "prepare",
    "sentence",
    "try_out",
]
