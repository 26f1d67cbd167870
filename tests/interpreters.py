"""Other Pythons of this machine, wherever people keep them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path


def interpreter(version: str) -> Path | None:
    """A Python of this version (``3.13``) that starts and can make environments; None where there is none."""
    for candidate in _candidates(version):
        said = subprocess.run(
            [candidate, "-c", "import sys, ssl; print('%d.%d' % sys.version_info[:2], sys.executable)"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        found, _, place = said.stdout.strip().partition(" ")
        if said.returncode == 0 and found == version:
            return Path(place)
    return None


def _candidates(version: str) -> Iterator[str]:
    if on_path := shutil.which(f"python{version}"):
        yield on_path
    for root in (os.environ.get("PYENV_ROOT"), Path.home() / ".pyenv"):
        if root:
            yield from sorted(map(str, Path(root).glob(f"versions/{version}.*/bin/python")), reverse=True)
    yield from map(str, Path("/opt").glob(f"*python*/{version}*/bin/python"))
