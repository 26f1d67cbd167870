"""``pulse deploy``: this project's deployments and automations on the Prefect server."""

from __future__ import annotations

from pulse_blocks.cli.output import note


def deploy() -> None:
    """Register the deployments of prefect.yaml, and the automations of deployments/automations.

    With the configured Prefect server, or the running one.
    """
    from pulse_blocks import settings
    from pulse_blocks.cli import stack
    from pulse_blocks.cli.embedded import prefect_server

    workspace = settings.load()
    with prefect_server(workspace) as server:
        stack.deploy(workspace, server)
        note(f"Registered with {server.ui}/v2/deployments and {server.ui}/v2/automations.")
