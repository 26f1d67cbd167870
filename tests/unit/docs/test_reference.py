"""``docs/reference/`` says what the code says."""

from __future__ import annotations

import re

import pytest

from docs.generating.pages import FOLDER, PAGES
from pulse_blocks.blocks.telling import told, validation_failed
from pulse_blocks.drift.recording import payload as drift_payload
from pulse_blocks.drift.result import ColumnFinding, DriftResult
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import migrate, open_ledger
from pulse_blocks.ledger.catalogue import KINDS
from pulse_blocks.ledger.ledger import Ledger
from pulse_blocks.ledger.rows import Action, NewEvent
from pulse_blocks.records import SnapshotRef, StoredModel
from pulse_blocks.serving.alarms import Alarms
from pulse_blocks.serving.circuit import Circuit
from pulse_blocks.serving.tripwire.finding import LiveDrift
from pulse_blocks.serving.tripwire.watching import payload as suspicion
from pulse_blocks.settings import Workspace
from tests.tiny_project import ROOT

COLUMN = ColumnFinding(
    method="wasserstein", score=0.0, threshold=0.1, typical=0.0, missing=0.0, missing_reference=0.0,
    missing_threshold=0.1, weight=1.0, drifted=False,
)  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_code_generates(name: str) -> None:
    """``make reference`` was run after the code changed."""
    assert (FOLDER / name).read_text("utf-8") == PAGES[name](), "run: make reference"


def test_nothing_else_is_there() -> None:
    """A page that is generated no more does not stay behind."""
    assert {path.name for path in FOLDER.iterdir()} == set(PAGES)


def test_every_code_that_the_tests_know_is_listed() -> None:
    """What tests expect of errors was found in the source too."""
    expected = re.compile(r"""\bcode(?:"\])? == "([a-z]+\.[a-z_]+)\"""")
    known = {
        code for path in (ROOT / "tests").rglob("*.py") for code in expected.findall(path.read_text("utf-8"))
    }
    assert len(known) > 100
    page = (FOLDER / "errors.md").read_text("utf-8")
    assert {code for code in known if f"`{code}`" not in page} == set()


def test_events_carry_what_the_catalogue_says(workspace: Workspace) -> None:
    """The payload of each kind, from the code that emits it, has exactly the keys that are listed."""
    migrate(workspace.ledger)
    with open_ledger(workspace.ledger) as ledger:
        for event in (*_told_by_stages(), _detected(), _suspected()):
            ledger.emit(event.event, event.resource, event.payload)
        _let_the_ledger_tell(ledger)
        told_now = {event.event: set(event.payload) for event in ledger.unsent()}
    listed = {kind.name: set(kind.payload) for kind in KINDS}
    # That one is emitted within a flow: tests/flows/loop/test_events.py looks at it.
    assert set(listed) - set(told_now) == {"pulse.automation.failed"}
    assert told_now == {name: listed[name] for name in told_now}


def _told_by_stages() -> list[NewEvent]:
    snapshot = SnapshotRef(
        id="s", hash="h", datasource="d", rows=1, bytes=1, new_bytes=1, created="now", existed=False
    )  # fmt: skip
    model = StoredModel(
        model="m", run="r", tracking_run="t", snapshot="s", version="1", bundle="b", bundle_sha256="h", smoke="k",
        lost=None,
    )  # fmt: skip
    refused = validation_failed(PulseError("validation.failed", "No."), "a")
    return [event for event in (told(snapshot, "a"), told(model, "a"), refused) if event]


def _detected() -> NewEvent:
    found = DriftResult(
        check="c", name="a", model="m", snapshot="s", checked="now", window_start=None, window_end=None, rows=1,
        used=1, verdict="drifted", drift=True, action="alert", share=1.0, share_threshold=0.2, features={},
        prediction=None, performance=None, quality=None, before=(), reasons=(), seconds=0.1,
    )  # fmt: skip
    return NewEvent(event="pulse.drift.detected", resource="pulse.model.a", payload=drift_payload(found))


def _suspected() -> NewEvent:
    found = LiveDrift(
        model="m", end=0, period=0, rows=1, share=1.0, features={"f": COLUMN}, prediction=COLUMN, drifted=True
    )  # fmt: skip
    return NewEvent(event="pulse.drift.suspected", resource="pulse.model.a", payload=suspicion("a", found))


def _let_the_ledger_tell(ledger: Ledger) -> None:
    """Promotion, rollback and regression tell of themselves; a circuit that opens raises an alarm."""
    actions: tuple[Action, ...] = ("promote", "rollback")
    for action in actions:
        ledger.promote(
            name="a", model=action, bundle="b", bundle_sha256="h", version="1", run="r", attempt=None, reason="why",
            who="me", action=action,
        )  # fmt: skip
    ledger.add_regression("a", "rollback", "promote", "worse", {}, since=0)
    alarms, circuit = Alarms(), Circuit(failures=1, reset=10.0)
    alarms.watch(circuit, "a", "model", "m")
    circuit.failed("it broke")
    alarms.send(ledger)
