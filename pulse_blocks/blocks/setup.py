"""``python -m pulse_blocks.blocks.setup POOL [FILE]``: make a Prefect server ready for a Pulse project.

FILE is where the project's deployments are written as ``prefect deploy`` is to have them.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.workers.process import ProcessWorker

from pulse_blocks import settings
from pulse_blocks.blocks import steps, workspace
from pulse_blocks.blocks.deployments import in_workspace, require_own, write
from pulse_blocks.errors import PulseError


def set_up(pool: str) -> None:
    """Register block types, the default workspace block and a process work pool. What is there stays."""
    workspace.register()
    template = ProcessWorker.get_default_base_job_template()
    with get_client(sync_client=True) as client:
        try:
            client.create_work_pool(WorkPoolCreate(name=pool, type="process", base_job_template=template))
        except ObjectAlreadyExists:
            return


def register_step(pool: str, name: str) -> None:
    """Register the project's training step as a deployment on the pool that the workspace ``name`` names for it."""
    # By name, as Prefect does: the project's flows are no part of the library.
    flow = importlib.import_module("flows.fit").fit
    with get_client(sync_client=True) as client:
        try:
            client.read_work_pool(pool)
        except ObjectNotFound:
            sys.exit(f"there is no work pool {pool}, which the workspace names for training.")
        client.create_deployment(
            flow_id=client.create_flow(flow),
            name=pool,
            entrypoint="flows.fit.fit",
            description="Started by training pipelines: one fit, sized for its data.",
            tags=["pulse", steps.FLOW],
            work_pool_name=pool,
            job_variables={"env": {settings.VARIABLE: name}},
            parameter_openapi_schema=flow.parameters.model_dump(),
            enforce_parameter_schema=True,
        )


def main(pool: str, file: Path | None) -> None:
    """Refuse a server that another workspace has, set it up, and write what ``prefect deploy`` is to read."""
    project = settings.load()
    if file is not None:
        deployments = in_workspace(Path(project.root) / "prefect.yaml", project.name)
        require_own(deployments, project.name)
        write(deployments, file)
    set_up(pool)
    if training_pool := workspace.load_workspace().training_pool:
        register_step(training_pool, project.name)


if __name__ == "__main__":
    try:
        main(sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else None)
    except PulseError as refusal:
        sys.exit(str(refusal).replace("\n", " "))
