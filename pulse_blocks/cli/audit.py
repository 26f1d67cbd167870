"""``pulse audit``: does everything still hold?"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import typer

from pulse_blocks.cli.grouping import commands
from pulse_blocks.cli.output import Json, emit, note

if TYPE_CHECKING:
    from pulse_blocks.lineage.audit import Audit
    from pulse_blocks.settings import Workspace

app = commands("Check that nothing was changed, lost or taken out.")


@app.callback()
def _group() -> None:
    pass


@app.command()
def verify(*, as_json: Json = False) -> None:
    """Recompute every hash and follow every link; say what does not hold. The exit code is 1 then."""
    from pulse_blocks import settings
    from pulse_blocks.ledger import open_ledger
    from pulse_blocks.lineage.audit import audit
    from pulse_blocks.lineage.node import Places
    from pulse_blocks.stores import open_store

    workspace = settings.load()
    key = _key(workspace)
    with open_ledger(workspace.ledger) as ledger, _progress():
        found = audit(Places(ledger=ledger, store=open_store(workspace.store)), key)
    emit(found, lambda: render(found), as_json=as_json)
    if not found.ok:
        count = len(found.findings) + found.more
        note(f"{count:,} thing{'' if count == 1 else 's'} of this workspace {_do(count)} not hold.")
        raise typer.Exit(1)


def _key(workspace: Workspace) -> bytes | None:
    """The signing key, if this machine has it."""
    from pulse_blocks.bundle.signing import signing_key
    from pulse_blocks.errors import PulseError

    try:
        return signing_key(workspace)
    except PulseError as error:
        note(f"Signatures of promotions are not checked. {error.message}")
        return None


def render(found: Audit) -> str:
    """A line for each finding, or what was found to hold."""
    counts = (
        f"{count:,} {what.removesuffix('s') if count == 1 else what}" for what, count in found.checked.items()
    )
    checked = ", ".join(counts) or "nothing"
    if found.ok:
        return f"Everything holds: {checked}."
    lines = [f"{one.kind} {one.id}: {one.problem}" for one in found.findings]
    if found.more:
        lines.append(f"and {found.more:,} more")
    return "\n".join([*lines, f"Checked: {checked}."])


def _do(count: int) -> str:
    return "does" if count == 1 else "do"


def _progress() -> contextlib.AbstractContextManager[None]:
    """How far it is, where somebody watches."""
    if not sys.stderr.isatty():
        return contextlib.nullcontext()
    from pulse_blocks.cli.terminal import stages_on_terminal

    return stages_on_terminal()
