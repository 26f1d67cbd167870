"""The pages of ``docs/reference/``: each gathers facts from the code and lays them out by its template."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from docs.generating import commands, error_codes, metrics, prefect_blocks, protocol_keys, routes
from pulse_blocks.ledger.catalogue import KINDS

HERE = Path(__file__).parent
FOLDER = HERE.parent / "reference"


def _rendered(template: str, **shown: object) -> str:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - Markdown of our own words
    )
    made.filters["cell"] = lambda text: str(text).replace("|", "\\|").replace("\n", " ").strip()
    made.filters["anchor"] = lambda heading: re.sub(r"[^\w-]", "", heading).lower()
    return made.get_template(template).render(**shown).rstrip() + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "protocol.md": lambda: _rendered("protocol.md.j2", sections=protocol_keys.sections()),
    "cli.md": lambda: _rendered("cli.md.j2", groups=commands.groups()),
    "blocks.md": lambda: _rendered("blocks.md.j2", blocks=prefect_blocks.blocks()),
    "events.md": lambda: _rendered("events.md.j2", kinds=KINDS),
    "metrics.md": lambda: _rendered("metrics.md.j2", families=metrics.families()),
    "http.md": lambda: _rendered("http.md.j2", routes=routes.routes()),
    "errors.md": lambda: _rendered("errors.md.j2", areas=error_codes.by_area()),
}
