"""Take the pictures in docs/images from a real browser: `make screenshots`, after a `pulse run`."""

from __future__ import annotations

import json
import os
import shutil
import sys
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from pulse_blocks import settings
from pulse_blocks.cli.embedded import prefect_server

IMAGES = Path(__file__).parent / "images"
# Chromium as root needs --no-sandbox; the rest keeps it from calling home.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def main() -> None:
    """Open the newest completed run in the Prefect UI and take its picture."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        sys.exit("No Chromium on this machine: install one, or name it in CHROMIUM.")
    with prefect_server(settings.load()) as server, sync_playwright() as playwright:
        run = newest_run(server.api)
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 516}, color_scheme="light")
        take(page, f"{server.ui}/v2/runs/flow-run/{run['id']}", "flow-run.png")
        browser.close()


def newest_run(api: str) -> dict[str, Any]:
    """The newest completed run of the flow ``train``."""
    wanted = {
        "sort": "START_TIME_DESC",
        "limit": 1,
        "flows": {"name": {"any_": ["train"]}},
        "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}},
    }
    request = urllib.request.Request(  # noqa: S310 (the project's own server)
        f"{api}/flow_runs/filter", json.dumps(wanted).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310
        runs = json.load(reply)
    if not runs:
        sys.exit("No completed run yet: pulse run flight-delay.")
    return dict(runs[0])


def take(page: Page, url: str, name: str) -> None:
    """Open a page, wait until its task runs are drawn, and save a picture of it."""
    page.goto(url, wait_until="domcontentloaded")
    page.get_by_text("deploy").first.wait_for(timeout=30_000)
    page.wait_for_timeout(2500)  # the graph moves to its place
    page.screenshot(path=IMAGES / name)


if __name__ == "__main__":
    main()
