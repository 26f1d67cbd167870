"""What a test needs and a newcomer's machine may not have: skipped there, a failure in CI."""

from __future__ import annotations

import os
import shutil

import pytest


def need(present: object, reason: str) -> None:
    """Skip the test that asks unless ``present``. With PULSE_REQUIRE_ALL=1, as in CI, it fails instead."""
    if present:
        return
    if os.environ.get("PULSE_REQUIRE_ALL") == "1":
        pytest.fail(f"{reason}, and PULSE_REQUIRE_ALL=1 allows no skip", pytrace=False)
    pytest.skip(reason)


def need_of_machine(present: object, reason: str) -> None:
    """Skip the test unless ``present``, in CI too: what the kernel or the container forbids nobody can install."""
    if not present:
        pytest.skip(reason)


def need_programs(*programs: str, package: str) -> None:
    """Skip (or fail) the test unless all ``programs`` are on the PATH; ``package`` says where they come from."""
    missing = [program for program in programs if shutil.which(program) is None]
    need(not missing, f"needs {', '.join(missing)} ({package})")
