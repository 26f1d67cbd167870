"""The project's own flows, loaded by name and run in this process."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

from pulse_blocks.errors import PulseError
from pulse_blocks.settings import Workspace


def load_flow(workspace: Workspace, name: str) -> Any:
    """The flow ``flows.NAME.NAME`` of the project. Raises PulseError where the project has none."""
    # Prefect's own console lines would tear the progress display; the server still gets every line.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    sys.path.insert(0, workspace.root)
    try:
        return getattr(importlib.import_module(f"flows.{name}"), name)
    except ModuleNotFoundError as error:
        if error.name not in ("flows", f"flows.{name}"):
            raise
        raise PulseError(
            "project.no_flows",
            f"There is no flows/{name}.py in {workspace.root}.",
            "Run this in a Pulse project: a folder with protocols/ and flows/ (pulse init makes one).",
        ) from None


def result_of(state: Any) -> Any:
    """What a finished flow has to say. Raises what it failed with."""
    from pulse_blocks.blocks.delivery import flush

    flush()
    result = state.result(raise_on_failure=False)
    if isinstance(result, BaseException):
        raise result
    return result
