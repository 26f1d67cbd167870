"""A project's runtime as its users start it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pulse_blocks.cli.ports import free_port
from pulse_blocks.cli.services import Service
from tests.tiny_project import environment


@contextmanager
def serving(folder: Path, *words: str) -> Iterator[str]:
    """``pulse serve`` with these words as a process, until the block ends; gives its address."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    service = Service(
        "The runtime",
        [sys.executable, "-m", "pulse_blocks", "serve", *words, "--port", str(port)],
        log=folder / ".pulse" / "runtime.log",
        env=environment(folder),
        url=url,
        ready=f"{url}/readyz",
    )
    try:
        service.wait_ready(60)
        yield url
    finally:
        service.stop()
