"""Environments of the peers: each one's own, made from its pins at the first use and kept below ``.pulse/bench``."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from tests.tiny_project import ROOT

PINS = ROOT / "requirements" / "peers"


def python(name: str) -> Path:
    """The interpreter of a peer's environment, installed with every hash of its pins compared.

    Raises SystemExit that says what failed.
    """
    pins = PINS / f"{name}.txt"
    version = hashlib.sha256(pins.read_bytes()).hexdigest()[:12]
    folder = ROOT / ".pulse" / "bench" / "peers" / f"{name}-{version}"
    found, whole = folder / "bin" / "python", folder / "whole"
    if not whole.exists():
        print(f"  (installing {name}, once)", file=sys.stderr, flush=True)  # noqa: T201  it takes a while
        uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or "uv"
        _run(uv, "venv", "--clear", "--python", sys.executable, str(folder))
        _run(uv, "pip", "install", "--python", str(found), "--require-hashes", "-r", str(pins))
        whole.touch()
    return found


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
