"""``make release-check``: would this checkout make a good release? Built, looked through, installed, and run."""

# ruff: noqa: T201  says what it does
from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from tests.release.checking import build, sdist_problems, version, version_problems, wheel_problems
from tests.tiny_project import ROOT

_TRACED = re.compile(r"Inference: inference_[0-9a-z]{26}\n.*Snapshot: snap_[0-9a-f]{12}", re.DOTALL)


def main() -> None:
    """Exit code 1 with everything that does not hold."""
    _none("Version, changelog and kept workspace agree", version_problems())
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    wheel, sdist = build(ROOT, dist, "wheel", "sdist")
    _none(f"{wheel.name} holds what it should", wheel_problems(wheel))
    _none(f"{sdist.name} holds what it should", sdist_problems(sdist))
    with tempfile.TemporaryDirectory(prefix="pulse-release-") as temporary:
        folder = Path(temporary)
        with tarfile.open(sdist) as archive:
            archive.extractall(folder, filter="data")
        (again,) = build(next(folder.iterdir()), folder / "dist", "wheel")
        _none("The sdist builds the same wheel", _differences(wheel, again))
        _none("The wheel installs into an empty environment", _installed(wheel, folder / "venv"))
        _none("The demo runs from there", _demo(folder / "venv", folder / "empty"))
    print(f"\n{version()} is ready: {wheel.relative_to(ROOT)}, {sdist.relative_to(ROOT)}")


def _none(what: str, problems: Iterable[str]) -> None:
    began = time.monotonic()
    found = list(problems)
    print(f"{'no ' if found else 'ok '} {what} ({time.monotonic() - began:.0f} s)", flush=True)
    if found:
        sys.exit("\n".join(f"    {one}" for one in found))


def _differences(wheel: Path, again: Path) -> Iterable[str]:
    import zipfile

    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(again) as other:
        contents = [{name: archive.read(name) for name in archive.namelist()} for archive in (one, other)]
    names = contents[0].keys() | contents[1].keys()
    return [f"{name} differs" for name in sorted(names) if contents[0].get(name) != contents[1].get(name)]


def _installed(wheel: Path, venv: Path) -> Iterable[str]:
    """The pinned versions, as `make install` has them: what else PyPI has today is another question."""
    uv = [sys.executable, "-m", "uv"]
    pins = str(ROOT / "requirements" / "dev.txt")
    for command in (
        [*uv, "venv", "-q", "--python", sys.executable, str(venv)],
        [*uv, "pip", "install", "-q", "--python", str(venv / "bin" / "python"), "-c", pins, f"{wheel}[demo]"],
        [*uv, "pip", "check", "-q", "--python", str(venv / "bin" / "python")],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            yield f"{' '.join(command[3:5])}: {done.stderr.strip()[-2000:]}"
            return
    said = _pulse(venv, venv, "--version")
    if said.stdout != f"pulse {version()}\n":
        yield f"pulse --version says {said.stdout!r} {said.stderr!r}"


def _demo(venv: Path, folder: Path) -> Iterable[str]:
    folder.mkdir()
    done = _pulse(venv, folder, "demo")
    if done.returncode != 0:
        yield f"pulse demo ended with {done.returncode}: {(done.stdout + done.stderr)[-3000:]}"
    elif not _TRACED.search(done.stdout):
        yield "pulse demo traced no prediction to a snapshot"


def _pulse(venv: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The installed command, in an environment that knows neither this checkout nor any server."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PULSE_", "PREFECT_", "PYTHON"))
    }
    env = {**kept, "HOME": str(folder), "NO_COLOR": "1", "DO_NOT_TRACK": "1"}
    env["PATH"] = f"{venv / 'bin'}{os.pathsep}{kept['PATH']}"
    command = [str(venv / "bin" / "pulse"), *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    main()
