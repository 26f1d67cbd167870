"""The code blocks of the docs, and what their language says is done with them here.

========== =============================================================================================
``sh``     executed line by line in a project of this page's own (``executing.py``)
``console`` needs a cloud, or runs until it is stopped: parsed only; a comment above says why
``yaml``   part of a protocol (checked), or with ``title="PATH"`` a file of the page's project
``python`` executed, where it has a title
========== =============================================================================================
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from tests.tiny_project import ROOT

WRITTEN = sorted(path for path in (ROOT / "docs").rglob("*.md") if path.parent.name != "reference")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *WRITTEN]
_FENCE = re.compile(
    r"(?:<!-- not executed: (?P<reason>[^\n]+) -->\n+)?^```(?P<kind>\w*)(?: title=\"(?P<title>[^\"]+)\")?[^\n]*\n"
    r"(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


class Fence(NamedTuple):
    """A code block. ``title`` is a path below the project, ``reason`` why it is not executed."""

    page: str
    line: int
    kind: str
    text: str
    title: str | None
    reason: str | None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def fences(page: Path) -> list[Fence]:
    """All code blocks of a page, in its order."""
    text = page.read_text("utf-8")
    return [
        Fence(
            page=page.relative_to(ROOT).as_posix(),
            line=text.count("\n", 0, found.start("text")),
            kind=found["kind"],
            text=found["text"],
            title=found["title"],
            reason=found["reason"],
        )
        for found in _FENCE.finditer(text)
    ]


ALL = [fence for page in PAGES for fence in fences(page)]


def commands(text: str) -> list[str]:
    r"""The lines of a block, those that end in a backslash joined with the next; no comments of their own."""
    joined = text.replace("\\\n", "")
    return [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]
