"""Threads that look at something again and again: one look that fails is told and counted, and the next one comes."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

from pulse_blocks.errors import PulseError
from pulse_blocks.serving.metrics import Metrics

log = logging.getLogger("pulse.serving")


@contextlib.contextmanager
def outlived(metrics: Metrics, thread: str, without: str) -> Iterator[None]:
    """One look of a thread. ``without`` says what is not so where it fails: "Keys cannot be read"."""
    try:
        yield
    except PulseError as error:
        log.warning("%s: %s", without, error)
    except Exception as error:  # noqa: BLE001 - a thread that ended would be missed by nobody
        metrics.thread_failures[thread] += 1
        log.error("%s: %s", without, reason_of(error))  # noqa: TRY400


def reason_of(error: Exception) -> str:
    """What an error says where it is one of ours, and its kind otherwise: other messages may show inputs."""
    return str(error) if isinstance(error, PulseError) else type(error).__name__
