"""What a person sees in the Prefect UI, in a real headless Chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.prefect_server import Server
from tests.required import need

STAGES = ["ingest", "snapshot", "validate", "train", "store", "deploy"]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page of Debian's Chromium (or the one that CHROMIUM names), with an empty profile."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    need(chromium, "needs a Chromium (Debian: chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"), executable_path=chromium, args=FLAGS, headless=True
        )
        yield browser.pages[0]
        browser.close()


@pytest.mark.browser
def test_a_run_shows_its_six_stages_and_their_artifacts(api: Server, project: Path, page: Page) -> None:
    """The page of a flow run names all six stages; the artifact of train shows the metrics as a table."""
    from flows.train import train

    assert train("tiny", return_state=True).is_completed()
    run = api.post("/flow_runs/filter", {"sort": "START_TIME_DESC", "limit": 1})[0]["id"]
    ui = api.api.removesuffix("/api")
    page.goto(f"{ui}/v2/runs/flow-run/{run}?tab=TaskRuns", wait_until="domcontentloaded")
    page.get_by_role("tab", name="Task Runs").click()
    for stage in STAGES:
        expect(page.get_by_role("link", name=stage).first).to_be_visible(timeout=20_000)
    wanted = {"artifacts": {"key": {"any_": ["pulse-tiny-train"]}}, "sort": "CREATED_DESC", "limit": 1}
    artifact = api.post("/artifacts/filter", wanted)[0]["id"]
    page.goto(f"{ui}/v2/artifacts/artifact/{artifact}", wait_until="domcontentloaded")
    expect(page.get_by_role("cell", name="roc_auc")).to_be_visible(timeout=20_000)
