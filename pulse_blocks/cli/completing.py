"""What the shell offers after TAB: protocol names, models, runs and snapshots of the project.

Called between two keystrokes, so it looks at files of this machine and at the ledger, and at no other server. What
cannot be looked at is not offered, and nothing is ever said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from pulse_blocks.errors import PulseError

if TYPE_CHECKING:
    from pulse_blocks.settings import Workspace

MOST = 50


def protocols(incomplete: str) -> list[str]:
    """The names of protocol files."""
    return _offered(incomplete, _protocols)


def snapshots(incomplete: str) -> list[str]:
    """Ids of snapshots in a store on this machine, the newest first."""
    return _offered(incomplete, _snapshots)


def runs(incomplete: str) -> list[str]:
    """Ids of the runs whose models were promoted, the newest first."""
    return _offered(incomplete, lambda workspace: [run for _, run in _promoted(workspace)])


def models(incomplete: str) -> list[str]:
    """Ids of models that were promoted, the newest first."""
    return _offered(incomplete, lambda workspace: [model for model, _ in _promoted(workspace)])


def anything(incomplete: str) -> list[str]:
    """Whatever can be traced: names, models, runs, snapshots."""
    return [found for kind in (protocols, models, runs, snapshots) for found in kind(incomplete)]


def _offered(incomplete: str, look: Callable[[Workspace], Iterable[str]]) -> list[str]:
    from pulse_blocks import settings

    with suppress(PulseError, OSError):
        found = dict.fromkeys(one for one in look(settings.load()) if one.startswith(incomplete))
        return list(found)[:MOST]
    return []


def _protocols(workspace: Workspace) -> list[str]:
    return sorted(path.stem for path in workspace.protocols.glob("*.yaml"))


def _snapshots(workspace: Workspace) -> list[str]:
    from pathlib import Path

    from pulse_blocks.snapshots.layout import SNAPSHOTS, is_id

    if "://" in workspace.store:
        return []
    folders = [path for path in Path(workspace.store, SNAPSHOTS).iterdir() if is_id(path.name)]
    return [path.name for path in sorted(folders, key=lambda path: -path.stat().st_mtime)]


def _promoted(workspace: Workspace) -> list[tuple[str, str]]:
    """Model and run of every promotion, the newest first; a ledger elsewhere is not asked."""
    from pulse_blocks.ledger import open_ledger
    from pulse_blocks.settings import sqlite_path

    if sqlite_path(workspace.ledger) is None:
        return []
    with open_ledger(workspace.ledger) as ledger:
        found = [one for name in ledger.promoted_names() for one in ledger.promotions(name)]
    return [(one.model, one.run) for one in sorted(found, key=lambda one: -one.seq)]
