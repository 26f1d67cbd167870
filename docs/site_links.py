"""A hook of mkdocs: links to the repository's own files become plain text, since the site does not hold them."""

from __future__ import annotations

import re
from typing import Any

_OUTSIDE = re.compile(r"\[([^\]]+)\]\((?:\.\./)+(?!adr/|images/|reference/)[^)]+\)")


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """The page without links that lead out of docs/; one folder down, a single ``../`` stays inside."""
    depth = page.file.src_uri.count("/") + 1
    return _OUTSIDE.sub(lambda found: found[1] if found[0].count("../") >= depth else found[0], markdown)
