"""Take the pictures in docs/images from a real browser: `make screenshots`, after a `pulse demo`.

August is replayed through the runtime first, and each of its weeks checked, so that there is drift over time to see.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import shutil
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from pulse_blocks import settings
from pulse_blocks.cli import demo_loop, stack
from pulse_blocks.cli.embedded import Running, environment, prefect_server
from pulse_blocks.ledger import open_ledger
from pulse_blocks.protocol import loading
from pulse_blocks.settings import Workspace
from pulse_blocks.ui.links import MLFLOW_UI, PREFECT_UI

NAME = "flight-delay"
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


class Places(NamedTuple):
    """Where each server answers."""

    prefect: Running
    mlflow: str
    runtime: str


class Picture(NamedTuple):
    """``drawn`` is a text that is there once the page is; ``then`` is done before the picture is taken."""

    name: str
    url: str
    drawn: str
    height: int = 720
    then: Callable[[Page], None] | None = None


def main() -> None:
    """Start what the demo has left behind, and take pictures of all that are named, or of every one."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        sys.exit("No Chromium on this machine: install one, or name it in CHROMIUM.")
    with started() as places, sync_playwright() as playwright:
        autumn(places)
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 516}, color_scheme="light")
        for picture in pictures(places):
            if picture.name in (sys.argv[1:] or [picture.name]):
                take(page, picture)
        browser.close()


@contextlib.contextmanager
def started() -> Iterator[Places]:
    """Prefect, MLflow and the runtime; drift checks of this process link to MLflow's pages."""
    workspace = settings.load()
    with contextlib.ExitStack() as stop:
        server = stop.enter_context(prefect_server(workspace))
        if server.pid is not None:
            os.environ.update(environment(workspace, server.api))
        mlflow = stack.mlflow_ui(workspace)
        stop.callback(mlflow.stop)
        pages = {"PREFECT_API_URL": server.api, PREFECT_UI: server.ui, MLFLOW_UI: mlflow.url}
        runtime = stack.runtime(workspace, [NAME], pages=pages)
        stop.callback(runtime.stop)
        for service in (mlflow, runtime):
            service.wait_ready()
        os.environ["PULSE_TRACKING"] = mlflow.url
        yield Places(server, mlflow.url, runtime.url.removesuffix("/ui/"))


def autumn(places: Places) -> None:
    """August through the runtime, and the drift flow for each of its weeks; of calm ones the first has a page."""
    # Prefect reads its settings when it is imported: they are made by then.
    from flows.drift import drift  # noqa: PLC0415

    workspace = settings.load()
    if newest(places, "/artifacts/filter", report_link()):
        return
    protocol = loading.load(loading.find(workspace, NAME))
    demo_loop.replay(workspace, protocol, places.runtime, "2013-08-01", "2013-08-29")
    for day in (8, 15, 22, 29):
        drift(NAME, dt.datetime(2013, 8, day, tzinfo=dt.UTC), return_state=True)


def pictures(places: Places) -> Iterator[Picture]:
    """Every picture of the docs."""
    yield from of_prefect(places)
    yield from of_mlflow(places)
    yield from of_the_runtime(places, settings.load())


def of_prefect(places: Places) -> Iterator[Picture]:
    """A run, a deployment's form, an automation, and the report of a drift check behind its link."""
    ui = f"{places.prefect.ui}/v2"
    finished = {
        "flows": {"name": {"any_": ["train"]}},
        "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}},
    }
    run = one(places, "/flow_runs/filter", {**finished, "sort": "START_TIME_DESC"})
    yield Picture("flow-run.png", f"{ui}/runs/flow-run/{run}", "deploy", 516)
    form = one(places, "/deployments/filter", {"deployments": {"name": {"any_": ["on-drift"]}}})
    yield Picture(
        "run-form.png", f"{ui}/deployments/deployment/{form}/run", "Name of a file in protocols/", 960
    )
    named = {"automations": {"name": {"any_": ["Pulse: drift detected, train the model again"]}}}
    automation = one(places, "/automations/filter", named)
    address = f"{ui}/automations/automation/{automation}"
    yield Picture("automation.png", address, "When pulse.drift.detected comes", 516)
    link = one(places, "/artifacts/filter", report_link())
    yield Picture(
        "drift-report.png", f"{ui}/artifacts/artifact/{link}", "Evidently's report on", 900, follow_the_link
    )


def follow_the_link(page: Page) -> None:
    """From Prefect's artifact to MLflow's page with Evidently's report."""
    address = page.get_by_role("link", name="Evidently's report on").first.get_attribute("href")
    page.goto(str(address), wait_until="domcontentloaded")
    report = page.frame_locator("iframe").first
    report.get_by_text("Drift in column").first.wait_for(timeout=60_000)
    page.get_by_text("Path:").first.evaluate("one => one.style.visibility = 'hidden'")  # this machine's own
    put_away(page)


def put_away(page: Page) -> None:
    """MLflow's assistant, which takes a third of the page."""
    if page.get_by_text("MLflow Assistant").first.is_visible():
        page.mouse.click(1244, 42)


def of_mlflow(places: Places) -> Iterator[Picture]:
    """The registered model with its alias, and its newest version with its tags."""
    yield Picture("mlflow-model.png", f"{places.mlflow}/#/models/{NAME}", "champion", then=put_away)
    found = post(f"{places.mlflow}/api/2.0/mlflow/registered-models/alias?name={NAME}&alias=champion", None)
    version = found["model_version"]["version"]
    yield Picture(
        "mlflow-version.png",
        f"{places.mlflow}/#/models/{NAME}/versions/{version}",
        "pulse.snapshot",
        760,
        put_away,
    )


def of_the_runtime(places: Places, workspace: Workspace) -> Iterator[Picture]:
    """The pages below /ui/: the models, one model with its drift, the tree of one prediction."""
    with open_ledger(workspace.ledger) as ledger:
        champion = ledger.champion(NAME)
        if champion is None:
            sys.exit("There is no model to take pictures of: pulse demo.")
        inference = next(iter(ledger.inference_ids(champion.model)))
    yield Picture("ui-models.png", f"{places.runtime}/ui/", NAME, 360)
    yield Picture("ui-drift.png", f"{places.runtime}/ui/models/{NAME}", "Drift over time", 820)
    yield Picture(
        "ui-lineage.png", f"{places.runtime}/ui/lineage/{inference}", "Where this prediction", 734, unfold
    )


def unfold(page: Page) -> None:
    """Every node of the tree."""
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")


def report_link() -> dict[str, Any]:
    """The newest link to a drift report."""
    return {"artifacts": {"key": {"any_": [f"pulse-{NAME}-drift-report"]}}, "sort": "CREATED_DESC"}


def one(places: Places, path: str, wanted: dict[str, Any]) -> str:
    """The id of the first of what Prefect answers."""
    found = newest(places, path, wanted)
    if not found:
        sys.exit(f"There is nothing to take a picture of ({path}): pulse demo.")
    return str(found[0]["id"])


def newest(places: Places, path: str, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """The first of what Prefect answers, if there is one."""
    return list(post(places.prefect.api + path, {**wanted, "limit": 1}))


def post(url: str, body: dict[str, Any] | None) -> Any:
    """What one of the project's own servers answers; without a body it is a GET."""
    request = urllib.request.Request(  # noqa: S310 (the project's own server)
        url,
        None if body is None else json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310
        return json.load(reply)


def take(page: Page, picture: Picture) -> None:
    """Open a page, wait until it is drawn, and save a picture of it."""
    page.set_viewport_size({"width": 1280, "height": picture.height})
    page.goto(picture.url, wait_until="domcontentloaded")
    page.get_by_text(picture.drawn).first.wait_for(timeout=60_000)
    if picture.then:
        picture.then(page)
    page.wait_for_timeout(2500)  # graphs move to their place
    page.screenshot(path=IMAGES / picture.name)
    shrink(IMAGES / picture.name)


def shrink(path: Path) -> None:
    """256 colours are enough for pages, at half the bytes."""
    with Image.open(path) as image:
        small = image.convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


if __name__ == "__main__":
    main()
