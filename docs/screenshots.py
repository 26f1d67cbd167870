"""Take the pictures in docs/images from a real browser: `make screenshots`, after a `pulse demo`."""

from __future__ import annotations

import json
import os
import shutil
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from pulse_blocks import settings
from pulse_blocks.cli import stack
from pulse_blocks.cli.embedded import Running, prefect_server

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
    """Open what the demo has left behind, in Prefect's pages and in MLflow's, and take pictures."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        sys.exit("No Chromium on this machine: install one, or name it in CHROMIUM.")
    workspace = settings.load()
    with prefect_server(workspace) as server, sync_playwright() as playwright:
        mlflow = stack.mlflow_ui(workspace)
        try:
            mlflow.wait_ready()
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 516}, color_scheme="light")
            for address, wait_for, name, height in pages(server, mlflow.url):
                take(page, address, wait_for, name, height)
            browser.close()
        finally:
            mlflow.stop()


def pages(server: Running, mlflow: str) -> Iterator[tuple[str, str, str, int]]:
    """Address, a text that is there once the page is drawn, the picture's name, and its height in pixels."""
    ui = f"{server.ui}/v2"
    flows = {
        "flows": {"name": {"any_": ["train"]}},
        "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}},
    }
    run = newest(server.api, "/flow_runs/filter", {**flows, "sort": "START_TIME_DESC"}, "pulse demo")
    yield f"{ui}/runs/flow-run/{run['id']}", "deploy", "flow-run.png", 516
    form = newest(
        server.api, "/deployments/filter", {"deployments": {"name": {"any_": ["on-drift"]}}}, "pulse deploy"
    )
    yield f"{ui}/deployments/deployment/{form['id']}/run", "Name of a file in protocols/", "run-form.png", 960
    retrain = {"automations": {"name": {"any_": ["Pulse: drift detected, train the model again"]}}}
    automation = newest(server.api, "/automations/filter", retrain, "pulse deploy")
    yield f"{ui}/automations/automation/{automation['id']}", "When pulse.drift", "automation.png", 420
    yield f"{mlflow}/#/models/flight-delay", "champion", "mlflow-model.png", 720
    found = post(f"{mlflow}/api/2.0/mlflow/experiments/search", {"max_results": 100})["experiments"]
    drift = next((one for one in found if one["name"] == "flight-delay-drift"), None)
    if drift is None:
        sys.exit("No drift check yet: pulse demo.")
    runs = post(f"{mlflow}/api/2.0/mlflow/runs/search", {"experiment_ids": [drift["experiment_id"]]})["runs"]
    place = (
        f"{mlflow}/#/experiments/{drift['experiment_id']}/runs/{runs[0]['info']['run_id']}/artifacts/drift"
    )
    yield place, "drift_", "drift-report.png", 900


def newest(api: str, path: str, wanted: dict[str, Any], command: str) -> dict[str, Any]:
    """The first of what the API answers. ``command`` is the one that makes such a thing."""
    found = post(api + path, {**wanted, "limit": 1})
    if not found:
        sys.exit(f"There is nothing to take a picture of: {command}.")
    return dict(found[0])


def post(url: str, body: dict[str, Any]) -> Any:
    """What one of the project's own servers answers."""
    request = urllib.request.Request(  # noqa: S310 (the project's own server)
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310
        return json.load(reply)


def take(page: Page, url: str, wait_for: str, name: str, height: int) -> None:
    """Open a page, wait until it is drawn, and save a picture of it."""
    page.set_viewport_size({"width": 1280, "height": height})
    page.goto(url, wait_until="domcontentloaded")
    page.get_by_text(wait_for).first.wait_for(timeout=60_000)
    if name == "drift-report.png":
        page.get_by_text(wait_for).first.click()
        page.frame_locator("iframe").get_by_text("Drift in column").first.wait_for(timeout=60_000)
    page.wait_for_timeout(2500)  # graphs move to their place
    page.screenshot(path=IMAGES / name)


if __name__ == "__main__":
    main()
