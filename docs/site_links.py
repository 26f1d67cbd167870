"""A hook of mkdocs: links to the repository's own files become plain text, since the site does not hold them."""

from __future__ import annotations

import re
from typing import Any

_UPWARD = re.compile(r"\[([^\]]+)\]\(((?:\.\./)+)[^)]+\)")


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """The page without links that lead out of docs/."""
    depth = page.file.src_uri.count("/")
    return _UPWARD.sub(lambda found: found[1] if found[2].count("/") > depth else found[0], markdown)
