"""What runs by itself and what vouches for it: failed automations, and the key behind what is served."""

from __future__ import annotations

import time
from collections.abc import Iterator

from pulse_blocks.cli.checkup.diagnosis import Diagnosis
from pulse_blocks.cli.overview import recent_failures
from pulse_blocks.errors import PulseError
from pulse_blocks.settings import Workspace


def automations(workspace: Workspace) -> Iterator[Diagnosis]:
    """Prefect tells of a failed action once, in an event: nobody would see it."""
    from pulse_blocks.ledger import open_ledger
    from pulse_blocks.lineage.node import time_of

    try:
        with open_ledger(workspace.ledger) as ledger:
            failures = recent_failures(ledger, time.time())
    except PulseError as error:
        if error.code != "ledger.missing":
            return  # told by the check of the ledger
        failures = []
    for name in dict.fromkeys(one.automation for one in failures):
        mine = [one for one in failures if one.automation == name]
        yield Diagnosis(
            name="Automations",
            level="warning",
            said=f"{name}: failed {len(mine)} times in a week, last at {time_of(mine[0].at)}: {mine[0].reason}",
            fix="pulse deploy registers what automations start; pulse automations list has all failures.",
        )
    if not failures:
        yield Diagnosis(name="Automations", level="ok", said="none has failed in a week")


def signing(workspace: Workspace) -> Iterator[Diagnosis]:
    """A runtime serves nothing that this machine's key does not vouch for."""
    from pulse_blocks.bundle.signing import require_signature, signing_key
    from pulse_blocks.ledger import open_ledger

    try:
        with open_ledger(workspace.ledger) as ledger:
            champions = [one for name in ledger.promoted_names() if (one := ledger.champion(name))]
    except PulseError:
        return  # told by the check of the ledger
    if not champions:
        return
    key = signing_key(workspace)
    for one in champions:
        require_signature(
            key, one.signature, name=one.name, model=one.model, bundle=one.bundle, sha256=one.bundle_sha256
        )
    yield Diagnosis(name="Signatures", level="ok", said="every champion is vouched for by this key")
