"""Which runs a drift check may start, and on which data."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from pulse_blocks.blocks import causes
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import Ledger, migrate, open_ledger
from pulse_blocks.ledger.drift_checks import DriftCheck, Verdict, new_drift_check_id
from pulse_blocks.ledger.table import now_us
from pulse_blocks.protocol.monitoring_spec import MonitoringSpec
from pulse_blocks.protocol.spec import Protocol, SourceSpec, WindowSpec
from pulse_blocks.settings import Workspace
from tests.served_models import protocol

END = int(dt.datetime(2026, 3, 1, 12, 30, 0, 500_000, dt.UTC).timestamp() * 1e6)
NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)


def retraining(window: WindowSpec | None = None) -> Protocol:
    """The protocol ``parcels``, which asks for a retrain."""
    asked = protocol(monitoring=msgspec.to_builtins(MonitoringSpec(on_drift="retrain", cooldown="1h")))
    source = SourceSpec(datasource="db", query="select 1", window=window, time="sent", key=("parcel",))
    return msgspec.structs.replace(asked, source=source)


def checked(
    ledger: Ledger, verdict: Verdict = "drifted", name: str = "parcels", end: int | None = END
) -> DriftCheck:
    """A check in the ledger."""
    check = DriftCheck(
        id=new_drift_check_id(), name=name, model=f"{name}@1.0.0-0000000", at=now_us(), window_start=None,
        window_end=end, rows=500, verdict=verdict, result="{}",
    )  # fmt: skip
    ledger.add_drift_check(check)
    return check


def refusal(ledger: Ledger, asked: Protocol, cause: str) -> str:
    """The code that a cause is refused with."""
    with pytest.raises(PulseError) as refused:
        causes.look_up(ledger, asked, cause, again=False)
    return refused.value.code


def test_a_cause_is_looked_up_before_anything_is_begun(workspace: Workspace) -> None:
    """Unknown ones and those of others are refused; calm, used and early ones ask for nothing."""
    migrate(workspace.ledger)
    asked = retraining()
    with open_ledger(workspace.ledger) as ledger:
        check = checked(ledger)
        assert causes.look_up(ledger, asked, check.id, again=False) == check
        assert refusal(ledger, asked, "drift_" + "0" * 26) == "event.unknown_cause"
        assert refusal(ledger, asked, checked(ledger, name="other").id) == "event.unknown_cause"
        assert refusal(ledger, asked, checked(ledger, "suspected").id) == "event.no_drift"
        assert refusal(ledger, protocol(), check.id) == "event.not_asked"
        attempt = ledger.begin("parcels", check.id)
        causes.use(ledger, asked, check.id, attempt.id)
        assert refusal(ledger, asked, check.id) == "event.used_cause"
        assert refusal(ledger, asked, checked(ledger).id) == "event.cooldown"
        other = ledger.begin("parcels", "another")
        with pytest.raises(causes.NothingToDoError):
            causes.use(ledger, asked, check.id, other.id)
        ended = ledger.attempt(other.id)
        assert ended is not None
        assert ended.state == "failed"


def test_an_interrupted_attempt_goes_on_with_its_cause(workspace: Workspace) -> None:
    """Its process is gone: whoever is started again is let through, and has the same attempt."""
    migrate(workspace.ledger)
    asked = retraining()
    with open_ledger(workspace.ledger) as ledger:
        check = checked(ledger)
        attempt = ledger.begin("parcels", check.id)
        causes.use(ledger, asked, check.id, attempt.id)
        with ledger._database.write() as transaction:
            transaction.execute("update attempts set owner_started = 'before' where id = ?", (attempt.id,))
        assert causes.look_up(ledger, asked, check.id, again=False) == check
        again = ledger.begin("parcels", check.id)
        assert again.id == attempt.id
        causes.use(ledger, asked, check.id, again.id)


def test_the_data_of_a_retrain_reach_to_the_end_of_what_drifted(workspace: Workspace) -> None:
    """A fixed window grows and never shrinks, one that reaches back ends there; where nothing is known it stays."""
    migrate(workspace.ledger)
    with open_ledger(workspace.ledger) as ledger:
        check, timeless = checked(ledger), checked(ledger, end=None)
    fixed = retraining(WindowSpec(start="2026-01-01", end="2026-02-01"))
    assert causes.until(check, fixed, NOW) == "2026-03-01T12:30:01Z"
    later = retraining(WindowSpec(start="2026-01-01", end="2026-05-01"))
    assert causes.until(check, later, NOW) == "2026-05-01T00:00:00Z"
    assert causes.until(check, retraining(WindowSpec(last="90d")), NOW) == "2026-03-01T12:30:01Z"
    assert causes.until(check, retraining(), NOW) is None
    assert causes.until(timeless, fixed, NOW) is None
