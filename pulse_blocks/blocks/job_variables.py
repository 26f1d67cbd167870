"""What a training step is started with on a work pool: a plan and a workspace in the words of each kind of pool."""

from __future__ import annotations

from typing import Any

from pulse_blocks.settings import VARIABLE, Workspace
from pulse_blocks.training.fargate import round_up
from pulse_blocks.training.sizing import MIB

# What the step itself needs beside the training process: Prefect and MLflow.
AROUND = 512 * MIB


def job_variables(kind: str, workspace: Workspace, cpu: int, memory: int) -> dict[str, Any]:
    """Cores and ``memory`` (bytes, of the training process alone) as the job variables of a pool of this kind.

    Of kinds that Pulse has no template for the environment alone is set: the pool decides the rest. Raises PulseError
    for a plan that is larger than anything Fargate has.
    """
    env = {"env": environment(kind, workspace)}
    if kind == "ecs":
        pair = round_up(cpu, memory + AROUND)
        return {**env, "cpu": pair.cpu, "memory": pair.memory}
    if kind == "kubernetes":
        return {**env, "cpu": str(cpu), "memory": f"{-(-(memory + AROUND) // MIB)}Mi"}
    return env


def environment(kind: str, workspace: Workspace) -> dict[str, str]:
    """The workspace for a step. Secrets stay references: the pool's own environment resolves them.

    A process of this machine is told where the project is; an image knows where its own is.
    """
    found = {VARIABLE: workspace.name} | {
        f"PULSE_{key.upper()}": getattr(workspace, key)
        for key in ("store", "ledger", "tracking", "artifacts")
    }
    return (
        {**found, "PULSE_ROOT": workspace.root, "PYTHONPATH": workspace.root} if kind == "process" else found
    )
