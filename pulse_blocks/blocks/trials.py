"""Trials of a search as Prefect tasks: side by side in the task runner of the flow, each to be seen in the UI."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from prefect import Task
from prefect.context import FlowRunContext

from pulse_blocks.training.search import mapped_by
from pulse_blocks.training.search.mapping import in_threads


@contextlib.contextmanager
def as_tasks(trial: Task[..., Any]) -> Iterator[None]:
    """Have trials run as ``trial(work, argument, number)``, wherever there is a flow to run tasks in."""

    def run(work: Callable[[Any], Any], arguments: Sequence[Any]) -> list[Any]:
        if FlowRunContext.get() is None:
            return in_threads(work, arguments)
        futures = [trial.submit(work, argument, argument.number) for argument in arguments]
        return [future.result() for future in futures]

    with mapped_by(run):
        yield
