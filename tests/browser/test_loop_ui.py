"""The loop as a person sees it in the Prefect UI and in MLflow's, in a real headless Chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Page, expect, sync_playwright
from prefect.settings import PREFECT_API_URL, temporary_settings

from pulse_blocks import settings
from pulse_blocks.blocks.delivery import flush
from pulse_blocks.cli import stack
from pulse_blocks.cli.embedded import Running
from pulse_blocks.settings import Workspace
from tests import drifting_models, loop_project, six_stages
from tests.prefect_server import Server, running_server
from tests.required import need

pytestmark = [pytest.mark.browser, pytest.mark.long]

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
PATIENCE = 30_000


class Seen(NamedTuple):
    """A page of the browser, and the project that the servers belong to."""

    page: Page
    server: Server
    workspace: Workspace

    @property
    def ui(self) -> str:
        """Prefect's pages."""
        return f"{self.server.api.removesuffix('/api')}/v2"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Prefect server of this file's own: its automations would start runs when other tests' data drift."""
    with running_server(tmp_path_factory.mktemp("prefect")) as found:
        yield found


@pytest.fixture(scope="module")
def seen(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """A project whose deployments and automations are on the server, with one trained model."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    need(chromium, "needs a Chromium (Debian: chromium)")
    folder = loop_project.make(tmp_path_factory.mktemp("seen") / "project")
    workspace = settings.load(folder, environ={})
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        for name, value in {**server.env, "PULSE_ROOT": str(folder)}.items():
            patch.setenv(name, value)
        six_stages.run(workspace)
        stack.deploy(workspace, Running(api=server.api, ui=server.api.removesuffix("/api")))
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield Seen(browser.new_page(viewport={"width": 1280, "height": 1000}), server, workspace)
        browser.close()


def test_a_run_is_started_from_the_form(seen: Seen) -> None:
    """Whoever types a protocol's name and submits has a run for it; the form says what each field is."""
    (deployment,) = seen.server.post("/deployments/filter", {"deployments": {"name": {"any_": ["on-drift"]}}})
    page = seen.page
    page.goto(f"{seen.ui}/deployments/deployment/{deployment['id']}/run", wait_until="domcontentloaded")
    expect(page.get_by_text("Name of a file in protocols/")).to_be_visible(timeout=PATIENCE)
    wanted = {"deployments": {"id": {"any_": [deployment["id"]]}}, "sort": "EXPECTED_START_TIME_DESC"}

    def started() -> list[dict[str, object]]:
        return [run["parameters"] for run in seen.server.post("/flow_runs/filter", wanted)]

    before = [one["protocol"] for one in started()]
    page.locator("textarea").first.fill("lorry")
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url("**/deployments/deployment/*", timeout=PATIENCE)
    assert [one["protocol"] for one in started()] == ["lorry", *before]


def test_an_automation_explains_itself(seen: Seen) -> None:
    """Its page says in words what triggers it (Prefect calls each one a custom trigger), and what it runs."""
    found = seen.server.post("/automations/filter", {})
    automation = next(one for one in found if one["name"].endswith("train the model again"))
    page = seen.page
    page.goto(f"{seen.ui}/automations/automation/{automation['id']}", wait_until="domcontentloaded")
    expect(page.get_by_text("When pulse.drift.detected comes").first).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("on-drift", exact=True).first).to_be_visible()


def test_mlflow_shows_the_model_with_alias_tags_and_plots(seen: Seen) -> None:
    """The registered model has its champion, the version its lineage tags, and the run's artifacts its pictures."""
    service = stack.mlflow_ui(seen.workspace)
    try:
        service.wait_ready()
        page = seen.page
        page.goto(f"{service.url}/#/models/tiny", wait_until="domcontentloaded")
        expect(page.get_by_text("champion").first).to_be_visible(timeout=PATIENCE)
        page.goto(f"{service.url}/#/models/tiny/versions/1", wait_until="domcontentloaded")
        expect(page.get_by_text("pulse.snapshot").first).to_be_visible(timeout=PATIENCE)
    finally:
        service.stop()


def test_a_drift_report_is_reached_by_its_link(
    seen: Seen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The drift run leaves a link among its artifacts; behind it is Evidently's page, readable in MLflow."""
    from flows.drift import drift

    workspace = drifting_models.project(tmp_path / "project")
    service = stack.mlflow_ui(workspace)
    try:
        service.wait_ready()
        file = workspace.folder / settings.FILE
        file.write_text(f'tracking = "{service.url}"\n{file.read_text()}')
        monkeypatch.setenv("PULSE_ROOT", workspace.root)
        drifting_models.ask(workspace, drifting_models.rows(300, weight=49.0), drifting_models.AFTER)
        with temporary_settings({PREFECT_API_URL: seen.server.api}):
            assert drift("tiny", return_state=True).is_completed()
            flush()
        wanted = {
            "artifacts": {"key": {"any_": ["pulse-tiny-drift-report"]}},
            "sort": "CREATED_DESC",
            "limit": 1,
        }
        artifact = seen.server.post("/artifacts/filter", wanted)[0]["id"]
        page = seen.page
        page.goto(f"{seen.ui}/artifacts/artifact/{artifact}", wait_until="domcontentloaded")
        link = page.get_by_role("link", name="Evidently's report on").first
        expect(link).to_be_visible(timeout=PATIENCE)
        page.goto(str(link.get_attribute("href")), wait_until="domcontentloaded")
        report = page.frame_locator("iframe").first
        expect(report.get_by_text("Drift in column 'weight'").first).to_be_visible(timeout=2 * PATIENCE)
    finally:
        service.stop()
