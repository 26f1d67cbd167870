"""``python -m docs.generating``: write ``docs/reference/`` anew from the code."""

from __future__ import annotations

from docs.generating.pages import FOLDER, PAGES

FOLDER.mkdir(exist_ok=True)
for name, page in PAGES.items():
    (FOLDER / name).write_text(page(), encoding="utf-8")
