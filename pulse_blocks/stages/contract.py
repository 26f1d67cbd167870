"""Before a run begins: whoever calls the champion must not be broken without being told by the version."""

from __future__ import annotations

from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import Ledger
from pulse_blocks.protocol.diff import Change, changes
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.settings import Workspace

_SHOWN = 5


def require_version(protocol: Protocol, workspace: Workspace, ledger: Ledger) -> None:
    """Compare a protocol with the one that the champion was trained under.

    Raises PulseError ``protocol.breaking_change`` for breaking changes without a greater major version. A name
    without a champion has no callers yet.
    """
    from pulse_blocks import bundle
    from pulse_blocks.stores import open_store

    promotion = ledger.champion(protocol.name)
    if promotion is None:
        return
    old = bundle.load(open_store(workspace.store), promotion.bundle, promotion.bundle_sha256).protocol
    if _major(protocol) > _major(old) or old.digest == protocol.digest:
        return
    breaking = [change for change in changes(old, protocol) if change.impact == "breaking"]
    if breaking:
        raise _refusal(old, protocol, breaking)


def _refusal(old: Protocol, new: Protocol, breaking: list[Change]) -> PulseError:
    named = "; ".join(f"{change.path}: {_sentence(change)}" for change in breaking[:_SHOWN])
    more = f"; and {len(breaking) - _SHOWN} more" if len(breaking) > _SHOWN else ""
    return PulseError(
        "protocol.breaking_change",
        f"{new.name} {new.version} breaks those who call {old.name} {old.version}, the champion: {named}{more}.",
        f"Give it version {_major(old) + 1}.0.0, or take the changes back.",
    )


def _sentence(change: Change) -> str:
    text = change.reason.rstrip(".")
    return text[0].lower() + text[1:]


def _major(protocol: Protocol) -> int:
    return int(protocol.version.partition(".")[0])
