"""Datasources by the names that the workspace has for them."""

from __future__ import annotations

import difflib

from pulse_blocks.errors import PulseError
from pulse_blocks.settings import Datasource, Workspace


def find_datasource(name: str, workspace: Workspace) -> Datasource:
    """The workspace's datasource of that name. Raises PulseError with the nearest name for another."""
    found = workspace.datasources.get(name)
    if found is not None:
        return found
    near = difflib.get_close_matches(name, workspace.datasources, n=1)
    known = ", ".join(sorted(workspace.datasources)) or "none"
    hint = f"Did you mean {near[0]}?" if near else f"Add it: pulse datasource add {name} URL."
    raise PulseError(
        "datasource.unknown",
        f"The workspace has no datasource {name} (it has: {known}).",
        hint,
    )
