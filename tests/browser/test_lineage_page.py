"""The lineage page as a person uses it: in a real headless Chromium, by mouse, keyboard, phone and screen reader."""

from __future__ import annotations

import json
import os
import re
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from pulse_blocks import settings
from tests import six_stages, tiny_project
from tests.required import need
from tests.served_models import runtime

pytestmark = pytest.mark.browser
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
PHONE = {"width": 360, "height": 740}


class Shown(NamedTuple):
    """A runtime's address, and what there is to be seen."""

    url: str
    inference: str
    model: str
    snapshot: str


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, or the one that CHROMIUM names."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    need(chromium, "needs a Chromium (Debian: chromium)")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """A model that went through all six stages, served, and one prediction of it."""
    folder = tiny_project.make_project(tmp_path_factory.mktemp("shown"))
    workspace = settings.load(folder, environ={})
    outcome = six_stages.run(workspace)
    with runtime(workspace, "tiny") as (url, _):
        request = urllib.request.Request(f"{url}/predict/tiny", json.dumps(tiny_project.RECORD).encode())
        with urllib.request.urlopen(request) as reply:
            inference = json.load(reply)["inference_id"]
        yield Shown(url, inference, outcome.stored.model, outcome.taken.id)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A new page of a desktop's width; anything that it asks another host for fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    asked: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    yield opened
    context.close()
    assert not [url for url in asked if not url.startswith(("http://127.0.0.1:", "data:"))]


def test_an_id_typed_in_leads_to_the_snapshot(page: Page, shown: Shown) -> None:
    """With the keyboard alone: the id, enter, and node by node down to the snapshot; then the other way round."""
    page.goto(f"{shown.url}/ui/")
    page.get_by_role("searchbox").focus()
    page.keyboard.type(shown.inference)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(shown.inference)
    _open(page, f"Model {shown.model}")
    _open(page, f"Snapshot {shown.snapshot}")
    expect(page.get_by_text("Datasource: ").first).to_be_visible()
    page.get_by_role("link", name=f"All of {shown.snapshot}").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(shown.snapshot)
    expect(page.get_by_text(re.compile("Standing on it: 1 model, 1 inference"))).to_be_visible()


def _open(page: Page, name: str) -> None:
    summary = page.locator("summary", has_text=re.compile(name.replace(" ", r"\s+")))
    summary.focus()
    page.keyboard.press("Enter")


def test_a_name_shows_its_champions(page: Page, shown: Shown) -> None:
    """From the first page to the history of a name, and on to the model."""
    page.goto(f"{shown.url}/ui/")
    page.get_by_role("link", name="tiny", exact=True).click()
    expect(page.get_by_role("region", name="Champions")).to_contain_text(shown.model)
    page.get_by_role("region", name="Champions").get_by_role("link", name=shown.model).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(shown.model)


def test_an_unknown_id_is_said(page: Page, shown: Shown) -> None:
    """An alert with the reason, what was typed still in its place, and a way back."""
    page.goto(f"{shown.url}/ui/")
    page.get_by_role("searchbox").fill("inference_000")
    page.get_by_role("button", name="Trace").click()
    expect(page.get_by_role("alert")).to_contain_text("inference_000")
    expect(page.get_by_role("searchbox")).to_have_value("inference_000")
    page.get_by_role("link", name="Back to all models").click()
    expect(page.get_by_role("heading", name="Models")).to_be_visible()


def paths(shown: Shown) -> list[str]:
    """Every kind of page."""
    tree = [f"/ui/lineage/{one}" for one in (shown.inference, shown.model, shown.snapshot)]
    return ["/ui/", "/ui/models/tiny", "/ui/lineage/nothing", *tree]


def test_a_phone_shows_all_of_it(browser: Browser, shown: Shown) -> None:
    """At a phone's width no page is wider than the screen; wide tables scroll on their own."""
    context = browser.new_context(viewport=PHONE)  # type: ignore[arg-type]
    page = context.new_page()
    for path in paths(shown):
        page.goto(shown.url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(browser: Browser, shown: Shown, scheme: Any) -> None:
    """Axe finds nothing on any page, in light and in dark."""
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    for path in paths(shown):
        page.goto(shown.url + path)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        found = Axe().run(page)
        assert found.violations_count == 0, (path, found.generate_report())
    context.close()


def test_nothing_has_run_yet(browser: Browser, tmp_path: Path) -> None:
    """The page of a workspace without any model says how to make one."""
    from starlette.applications import Starlette
    from starlette.testclient import TestClient

    from pulse_blocks.ledger import migrate, open_ledger
    from pulse_blocks.settings import load
    from pulse_blocks.stores import open_store
    from pulse_blocks.ui.links import links
    from pulse_blocks.ui.pages import routes
    from pulse_blocks.ui.views import Sources

    workspace = load(tmp_path, environ={})
    migrate(workspace.ledger)
    with open_ledger(workspace.ledger) as ledger:
        look = Sources(
            ledger=ledger,
            store=open_store(workspace.store),
            served=tuple,
            metrics=str,
            links=links(workspace.tracking, {}),
        )
        page = browser.new_page()
        page.set_content(TestClient(Starlette(routes=routes(look))).get("/ui/").text)
        expect(page.get_by_text("pulse run NAME")).to_be_visible()
        page.close()
