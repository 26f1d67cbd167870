"""Where the demo takes place: the project that one stands in, or one that is made for it."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = "pulse-demo"


def find_or_make(protocol: str) -> Path | None:
    """Let this process work in a project that has the protocol; returns its folder where that is another one.

    Without such a project around, ``pulse-demo`` below the current folder is made, or found again. Raises PulseError
    where there is something else of that name.
    """
    from pulse_blocks import settings
    from pulse_blocks.cli import scaffold

    if (settings.find_root() / "protocols" / f"{protocol}.yaml").exists():
        return None
    folder = Path.cwd() / FOLDER
    contract = folder / "protocols" / f"{protocol}.yaml"
    if not contract.exists():
        scaffold.check_folder(folder)
        scaffold.write(folder)
        packaged = scaffold.protocols() / contract.name
        contract.write_text(packaged.read_text(encoding="utf-8"), encoding="utf-8")
    os.environ["PULSE_ROOT"] = str(folder)
    return folder
