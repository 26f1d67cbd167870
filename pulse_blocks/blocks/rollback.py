"""The automatic way back: a regression in the ledger makes the champion before live again, once."""

from __future__ import annotations

from typing import Any

from prefect import State
from prefect.states import Completed, Failed

from pulse_blocks.blocks.causes import NothingToDoError, in_the_way, unknown
from pulse_blocks.blocks.workspace import load_workspace
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import Ledger, migrate, open_ledger
from pulse_blocks.ledger.actor import actor
from pulse_blocks.promotion import rollback
from pulse_blocks.promotion.suspect_data import suspect_data
from pulse_blocks.protocol import loading
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Record
from pulse_blocks.settings import Workspace
from pulse_blocks.stages.restored import restore
from pulse_blocks.stores import open_store


class Grounds(Record, frozen=True, kw_only=True):
    """Why to go back: ``model`` is the one to leave, ``previous`` the one to go back to (None: that before it)."""

    model: str
    previous: str | None
    reason: str


def go_back(name: str, cause: str) -> State[Any]:
    """Roll back because of a regression (or a drift check, where the protocol wants that), and say what was done.

    The pointer moves before the cause counts as used, and only away from the model that regressed: a run that is
    killed between the two finds, when it is repeated, that another model is champion.
    """
    workspace = load_workspace()
    try:
        protocol = loading.load(loading.find(workspace, name))
        migrate(workspace.ledger)
        with open_ledger(workspace.ledger) as ledger:
            return Completed(message=_go_back(workspace, ledger, protocol, cause))
    except NothingToDoError as told:
        return Completed(name="Skipped", message=str(told))
    except PulseError as error:
        return Failed(message=str(error), data=error)


def _go_back(workspace: Workspace, ledger: Ledger, protocol: Protocol, cause: str) -> str:
    name = protocol.name
    grounds = _grounds(ledger, protocol, cause)
    if used := ledger.cause(cause):
        raise in_the_way(cause, used)
    champion = ledger.champion(name)
    who = f"guard by {actor()}"
    if champion is None or champion.model != grounds.model:
        ledger.use_cause(cause, "rollback", name, who)
        now = champion.model if champion else "nobody"
        raise NothingToDoError("event.gone", f"{grounds.model} is champion no more: it is {now}.")
    move = rollback(workspace, name, to=grounds.previous, reason=f"{grounds.reason} ({cause})", who=who)
    restored = _restore_data(workspace, ledger, protocol, left=grounds.model, kept=move.model, who=who)
    ledger.use_cause(cause, "rollback", name, who)
    return " ".join(filter(None, (f"{move.model} is champion again: {grounds.reason}", restored)))


def _restore_data(
    workspace: Workspace, ledger: Ledger, protocol: Protocol, *, left: str, kept: str, who: str
) -> str | None:
    """Make the snapshot before training data again, where the breach goes back to the data; says so."""
    store = open_store(workspace.store)
    try:
        found = suspect_data(ledger, store, protocol, left=left, kept=kept)
        if found is None:
            return None
        restore(store, ledger, found.before, who, protocol)
    except PulseError as error:
        # The champion is back: that the data could not be judged is told, and is no reason to fail.
        return f"The training data stay as they are: {error}"
    return f"{found.before} is the training data again: {found.reason}"


def _grounds(ledger: Ledger, protocol: Protocol, cause: str) -> Grounds:
    """What the ledger knows of a cause. Raises PulseError ``event.unknown_cause`` where that is nothing."""
    regression = ledger.regression(cause)
    if regression is not None and regression.name == protocol.name:
        return Grounds(model=regression.model, previous=regression.previous, reason=regression.reason)
    check = ledger.drift_check(cause)
    if check is None or check.name != protocol.name:
        raise unknown(cause, protocol.name)
    if check.verdict != "drifted" or protocol.monitoring.on_drift != "rollback":
        wanted = protocol.monitoring.on_drift
        raise NothingToDoError("event.not_asked", f"{cause} says {check.verdict}, and on_drift is {wanted}.")
    return Grounds(model=check.model, previous=None, reason="Its data have drifted.")
