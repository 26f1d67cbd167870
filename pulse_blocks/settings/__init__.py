"""The workspace: where snapshots, models, MLflow and the ledger of a project live.

A plain record, read from ``.pulse/workspace.toml`` and the environment, so that the runtime and the command
line need no Prefect. Where nothing is configured it is the embedded default below ``.pulse/``. For every key
``KEY`` of the file the environment variable ``PULSE_KEY`` wins over it.

A project may have several workspaces side by side: the file's own keys are the default one, each table
``[workspaces.NAME]`` is another, its places below ``.pulse/workspaces/NAME/`` where it says nothing of them.
Datasources of the file are everybody's; a table may have its own. PULSE_WORKSPACE chooses, else the file's ``current``.
"""

from __future__ import annotations

from pulse_blocks.settings.choosing import VARIABLE, Origin, check_name, current, names
from pulse_blocks.settings.loading import find_root, load, origins
from pulse_blocks.settings.record import (
    DEFAULT,
    FILE,
    FOLDER,
    KEYS,
    Datasource,
    Workspace,
    absolute,
    absolute_path,
    absolute_url,
    sqlite_path,
)

__all__ = [
    "DEFAULT",
    "FILE",
    "FOLDER",
    "KEYS",
    "VARIABLE",
    "Datasource",
    "Origin",
    "Workspace",
    "absolute",
    "absolute_path",
    "absolute_url",
    "check_name",
    "current",
    "find_root",
    "load",
    "names",
    "origins",
    "sqlite_path",
]
