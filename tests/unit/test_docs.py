"""What the docs say is there is there."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.tiny_project import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
COMMAND = re.compile(r"^\s*(?:\$ )?pulse ([a-z-]+)", re.MULTILINE)
FENCE = re.compile(r"^```(?:[a-z]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_internal_links_resolve(page: Path) -> None:
    """Every link to a file of the repository names one that is there."""
    targets = [link for link in LINK.findall(page.read_text("utf-8")) if "://" not in link]
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_exist(page: Path) -> None:
    """Every `pulse` command in a code block is one that `pulse` has."""
    import typer

    from pulse_blocks.cli.main import app

    known = set(typer.main.get_group(app).commands)
    blocks = FENCE.findall(page.read_text("utf-8"))
    named = {name for block in blocks for name in COMMAND.findall(block)}
    assert named <= known


def test_make_help_lists_every_verb() -> None:
    """`make help` names every target that the Makefile calls phony."""
    text = (ROOT / "Makefile").read_text("utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert phony
    described = set(re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE))
    assert set(phony[1].split()) == described


def test_the_house_is_drawn_as_it_is_built() -> None:
    """The table of folders has the layers of the import contract, in its order."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = [name.strip("() ") for layer in contracts[0]["layers"] for name in layer.split("|")]
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    table = page.partition("| folder | owns |")[2].partition("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines()[2:]]
    assert [name for cell in cells for name in re.findall(r"`(\w+)`", cell)] == layers


def test_the_site_builds_and_stands_alone(tmp_path: Path) -> None:
    """Every page is in the navigation, every anchor is there, and no page loads anything from elsewhere."""
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "-q", "--strict", "--site-dir", tmp_path],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    pages = {page: page.read_text("utf-8") for page in tmp_path.rglob("*.html")}
    assert pages.keys() >= {tmp_path / f"{page.stem}.html" for page in (ROOT / "docs").glob("*.md")}
    loaded = re.compile(
        r"<(?:script|img|iframe)[^>]*\ssrc=\"?https?:|<link[^>]*rel=\"?stylesheet[^>]*href=\"?https?:"
    )
    assert [page.name for page, text in pages.items() if loaded.search(text)] == []
