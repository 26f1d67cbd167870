"""What can be wrong with a machine and a workspace, each with its fix. Facts, to be shown by ``pulse doctor``."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pulse_blocks.cli.checkup import machine, operations, places, project
from pulse_blocks.cli.checkup.diagnosis import Diagnosis, Level
from pulse_blocks.errors import PulseError
from pulse_blocks.settings import Workspace

__all__ = ["CHECKS", "Diagnosis", "Level", "checkup"]

Check = Callable[[Workspace], Iterator[Diagnosis]]
# In the order in which they are told; the name stands for a check that could not be made.
CHECKS: dict[str, Check] = {
    "Python": machine.python,
    "Packages": machine.packages,
    "SQLite": machine.sqlite,
    "Project": project.project,
    "Protocols": project.protocols,
    "Datasources": project.datasources,
    "Ledger": places.ledger,
    "Store": places.store,
    "MLflow": places.mlflow,
    "Prefect": places.prefect,
    "Automations": operations.automations,
    "Signatures": operations.signing,
    "Ports": machine.ports,
    "Clock": machine.clock,
    "Disk": machine.disk,
}


def checkup(workspace: Workspace) -> tuple[Diagnosis, ...]:
    """Look at everything; a check that cannot be made is a diagnosis too."""
    return tuple(found for name, check in CHECKS.items() for found in _made(name, check, workspace))


def _made(name: str, check: Check, workspace: Workspace) -> Iterator[Diagnosis]:
    try:
        yield from check(workspace)
    except PulseError as error:
        yield Diagnosis(name=name, level="broken", said=error.message, fix=error.hint)
