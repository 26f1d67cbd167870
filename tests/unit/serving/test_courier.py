"""Events of a runtime reach Prefect by themselves: at once where it can be reached, once, and later where it cannot."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pulse_blocks.ledger import migrate, open_ledger
from pulse_blocks.serving.courier import Courier
from pulse_blocks.settings import Workspace
from tests.events_api import Api
from tests.waiting import until


@pytest.fixture
def api() -> Iterator[Api]:
    """An API that does not listen yet."""
    api = Api()
    yield api
    api.stop()


def test_what_happens_while_prefect_is_down_goes_out_later_once(workspace: Workspace, api: Api) -> None:
    """Nothing is lost; whoever emitted waited for nothing."""
    migrate(workspace.ledger)
    with open_ledger(workspace.ledger) as ledger:
        courier = Courier(ledger, api.url, None)
        ledger.emit("pulse.model.regressed", "pulse.model.tiny", {"regression": "regression_1"})
        courier.call()
        assert not until(lambda: bool(api.events), 1.0)
        api.start()
        assert until(lambda: not ledger.unsent(), 10)
        ledger.emit("pulse.drift.suspected", "pulse.model.tiny", {})
        assert until(lambda: not ledger.unsent(), 10)
        courier.close()
    assert [event["event"] for event in api.events] == ["pulse.model.regressed", "pulse.drift.suspected"]
