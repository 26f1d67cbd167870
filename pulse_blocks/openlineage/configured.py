"""Whether the OpenLineage client has been told where to send events; found out without importing it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

_FILE = "openlineage.yml"


def configured(environ: Mapping[str, str] | None = None, folder: Path | None = None) -> bool:
    """Look where the client itself looks: its variables, and openlineage.yml here or below the home folder.

    Without any of these the client would print events to the console, which nobody asked for.
    """
    env = os.environ if environ is None else environ
    if env.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true":
        return False
    if env.get("OPENLINEAGE_URL") or any(name.startswith("OPENLINEAGE__TRANSPORT") for name in env):
        return True
    named = env.get("OPENLINEAGE_CONFIG")
    files = [Path(named)] if named else []
    files += [
        (folder or Path.cwd()) / _FILE,
        Path(env.get("HOME", "~")).expanduser() / ".openlineage" / _FILE,
    ]
    return any(path.is_file() for path in files)
