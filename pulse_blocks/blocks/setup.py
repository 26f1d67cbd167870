"""``python -m pulse_blocks.blocks.setup POOL``: make a Prefect server ready for a Pulse project."""

from __future__ import annotations

import sys

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists
from prefect.workers.process import ProcessWorker

from pulse_blocks.blocks import workspace


def set_up(pool: str) -> None:
    """Register block types, the default workspace block and a process work pool. What is there stays."""
    workspace.register()
    template = ProcessWorker.get_default_base_job_template()
    with get_client(sync_client=True) as client:
        try:
            client.create_work_pool(WorkPoolCreate(name=pool, type="process", base_job_template=template))
        except ObjectAlreadyExists:
            return


if __name__ == "__main__":
    set_up(sys.argv[1])
