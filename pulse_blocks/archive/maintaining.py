"""One round of maintenance: what each protocol's ``retention`` asks for, and counts that are kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from pulse_blocks.archive.expiring import clear, expire
from pulse_blocks.archive.moving import move
from pulse_blocks.archive.records import Expired, Maintained, Moved
from pulse_blocks.errors import ProtocolError
from pulse_blocks.ledger import Ledger
from pulse_blocks.protocol import loading
from pulse_blocks.protocol.spec import RetentionSpec, seconds
from pulse_blocks.settings import Workspace
from pulse_blocks.stores import Store

_SEALED_AFTER = dt.timedelta(days=1)


def retentions(workspace: Workspace) -> tuple[dict[str, RetentionSpec], dict[str, str]]:
    """The retention of every protocol of a project, by name; and why others could not be read."""
    found: dict[str, RetentionSpec] = {}
    problems: dict[str, str] = {}
    for path in sorted(workspace.protocols.glob(f"*{loading.SUFFIX}")):
        name = path.name.removesuffix(loading.SUFFIX)
        try:
            found[name] = loading.load(path).retention
        except ProtocolError as error:
            problems[name] = f"Nothing was done for {name}: its protocol is not sound. {error}"
    return found, problems


def names_in(ledger: Ledger) -> list[str]:
    """The names that the ledger holds inferences of."""
    return list(dict.fromkeys(model.partition("@")[0] for model in ledger.answering_models()))


def maintain(
    ledger: Ledger,
    store: Store,
    wanted: Mapping[str, RetentionSpec],
    who: str,
    now: dt.datetime,
    *,
    dry_run: bool = False,
) -> Maintained:
    """Archive and delete what each retention asks for, then seal counts. Raises as ``move`` and ``expire`` do."""
    moved: list[Moved] = []
    expired: list[Expired] = []
    for name, retention in wanted.items():
        if retention.live is None:
            continue
        border = now - dt.timedelta(seconds=seconds(retention.live))
        moved.append(move(ledger, store, name, border, dry_run=dry_run))
        if retention.archived is not None:
            border -= dt.timedelta(seconds=seconds(retention.archived))
            expired.append(expire(ledger, store, name, border, who, dry_run=dry_run))
        elif not dry_run:
            clear(ledger, store, name)
    if not dry_run:
        seal(ledger, now)
    return Maintained(moved=tuple(moved), expired=tuple(expired), problems={})


def seal(ledger: Ledger, now: dt.datetime) -> None:
    """Count every model's inferences up to a day ago for good, so that questions count one day."""
    until = int((now - _SEALED_AFTER).timestamp() * 1_000_000)
    for model in ledger.answering_models():
        ledger.seal_count(model, until)
