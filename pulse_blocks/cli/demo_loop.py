"""The second half of the demo: summer comes, the data drift, and the loop closes by itself."""

from __future__ import annotations

import sqlite3
import time
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from pulse_blocks.errors import PulseError, UnavailableError

if TYPE_CHECKING:
    from pulse_blocks.cli.demo import Story
    from pulse_blocks.cli.embedded import Running
    from pulse_blocks.drift.flow import Decided
    from pulse_blocks.drift.result import DriftResult
    from pulse_blocks.protocol.spec import Protocol
    from pulse_blocks.settings import Workspace

_BATCH = 250
# Every fourth flight: 1,600 a week, and three weeks of them in ten seconds.
_EVERY = 4
FROM, TO = "2013-06-01", "2013-08-01"
LAST_DAYS = "2013-07-22"
_RETRAIN_SECONDS = 180
_SWAP_SECONDS = 30


class Replayed(msgspec.Struct, frozen=True):
    """One flight as the runtime was asked about it: its JSON object, whether it was late, what was answered."""

    record: dict[str, Any]
    late: bool
    probability: float


def replay(workspace: Workspace, protocol: Protocol, url: str, start: str, end: str) -> list[Replayed]:
    """Ask the runtime about the flights of some days, each with the time at which it was scheduled."""
    done: list[Replayed] = []
    for rows in _batches(workspace, protocol, start, end):
        records = [{name: value for name, value in row.items() if name != "late"} for row in rows]
        replies = _ask(url, protocol.name, records)
        done += [
            Replayed(record, bool(row["late"]), reply["probability"])
            for row, record, reply in zip(rows, records, replies, strict=True)
        ]
    return done


def again(url: str, name: str, flights: list[Replayed]) -> list[Replayed]:
    """The same flights, as the runtime answers today."""
    done: list[Replayed] = []
    for at in range(0, len(flights), _BATCH):
        part = flights[at : at + _BATCH]
        replies = _ask(url, name, [flight.record for flight in part])
        done += [
            Replayed(flight.record, flight.late, reply["probability"])
            for flight, reply in zip(part, replies, strict=True)
        ]
    return done


def quality(flights: list[Replayed]) -> float:
    """The ROC AUC of what was answered about the last days."""
    from pulse_blocks.serving.probation.distances import roc_auc

    last = [flight for flight in flights if flight.record["scheduled"] >= LAST_DAYS]
    return roc_auc([flight.probability for flight in last], [flight.late for flight in last]) or 0.0


def check(workspace: Workspace, name: str) -> Decided:
    """Check the newest week; what follows waits in the outbox."""
    from pulse_blocks.drift.flow import decide_drift

    return decide_drift(workspace, name)


def alarm(workspace: Workspace, result: DriftResult) -> str | None:
    """The check that asks for a retrain: this one, or a scheduled one that was a moment faster."""
    from pulse_blocks.ledger import open_ledger

    if result.verdict == "drifted":
        return result.check
    with open_ledger(workspace.ledger) as ledger:
        last = ledger.last_drift_alarm(result.name)
    return last.id if last and result.verdict == "cooling" and last.model == result.model else None


def retrain(decided: Decided, server: Running, cause: str) -> str:
    """Tell Prefect of a drift check; the sentence in which the run that it starts ended. Evidently reports meanwhile.

    Raises PulseError where none does.
    """
    from pulse_blocks.drift.flow import report_drift
    from pulse_blocks.events import deliver
    from pulse_blocks.ledger import open_ledger

    deadline = time.monotonic() + _RETRAIN_SECONDS
    with open_ledger(decided.workspace.ledger) as ledger:
        deliver(ledger, server.api)
        report_drift(decided)
        while time.monotonic() < deadline:
            used = ledger.cause(cause)
            attempt = ledger.attempt(used.used_by) if used else None
            if attempt and attempt.state == "completed":
                return attempt.message
            if attempt and attempt.state in ("failed", "interrupted"):
                raise PulseError("demo.retrain", f"The retrain failed: {attempt.message or attempt.state}")
            time.sleep(0.2)
    raise UnavailableError(
        "demo.no_retrain", f"No run has ended for {cause} within {_RETRAIN_SECONDS} seconds.",
        "See .pulse/logs/worker.log and pulse automations list.",
    )  # fmt: skip


def wait_for_swap(workspace: Workspace, url: str, name: str) -> None:
    """Return once the runtime serves the champion: it looks for promotions every moment, and swaps within a second."""
    from pulse_blocks.ledger import open_ledger

    with open_ledger(workspace.ledger) as ledger:
        champion = ledger.champion(name)
    deadline = time.monotonic() + _SWAP_SECONDS
    while champion and time.monotonic() < deadline:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5) as reply:  # noqa: S310 (our own loopback address)
            if msgspec.json.decode(reply.read())["models"].get(name) == champion.model:
                return
        time.sleep(0.1)


def _batches(
    workspace: Workspace, protocol: Protocol, start: str, end: str
) -> Iterator[list[dict[str, Any]]]:
    columns = ["flight_id", "scheduled", *protocol.features, "late"]
    flights = sqlite3.connect(f"file:{workspace.folder / 'data' / 'flights.db'}?mode=ro", uri=True)
    try:
        found = flights.execute(
            f"select {', '.join(columns)} from flights where scheduled >= ? and scheduled < ?"  # noqa: S608 - the protocol's own names
            f" and late is not null and flight_id % {_EVERY} = 0 order by scheduled",
            (start, end),
        )
        while rows := found.fetchmany(_BATCH):
            yield [_request(dict(zip(columns, row, strict=True))) for row in rows]
    finally:
        flights.close()


def _request(row: dict[str, Any]) -> dict[str, Any]:
    """What is not known is left out, as a client would."""
    row["scheduled"] = row["scheduled"].replace(" ", "T")
    return {name: value for name, value in row.items() if value is not None}


def _ask(url: str, name: str, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    from pulse_blocks.cli.predict import post

    body = msgspec.json.encode({"instances": records})
    return list(post(url, f"/predict/{name}", body, f"pulse serve {name}")["predictions"])


def told(story: Story, result: DriftResult) -> None:
    """What the check has found, the heaviest drifted features first."""
    far = sorted(
        ((one.weight, name, one) for name, one in result.features.items() if one.drifted), reverse=True
    )
    named = ", ".join(
        f"{name} {one.score or 0:.2f} (allowed {one.threshold:.2f})" for _, name, one in far[:4]
    )
    story.say(
        f"   {result.window_start} to {result.window_end}, {result.rows:,} flights: [bold]{result.verdict}[/]\n"
        f"   {result.share or 0:.0%} of the features by weight, {result.share_threshold:.0%} allowed: {named}"
    )
