"""A project's deployments, each told in which workspace its runs work: whoever starts them, and whenever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName

from pulse_blocks.blocks.declared import read_yaml
from pulse_blocks.errors import PulseError
from pulse_blocks.settings import VARIABLE

_PAGE = 200


def in_workspace(file: Path, workspace: str) -> dict[str, Any]:
    """What prefect.yaml says, with the workspace in the environment of every deployment's runs.

    Raises PulseError where it is no such file.
    """
    raw = read_yaml(file, file.name)
    listed = raw.get("deployments") if isinstance(raw, dict) else None
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise PulseError(
            "deploy.invalid",
            f"{file} lists no deployments.",
            "pulse init makes a project with some.",
        )
    return {**raw, "deployments": [_told(one, workspace) for one in listed]}


def require_own(deployments: dict[str, Any], workspace: str) -> None:
    """Raise PulseError ``deploy.other_workspace`` where the server has one of these from another workspace.

    Its schedules and automations would go on under the same names, and work somewhere else.
    """
    names = {(one.get("name"), one.get("entrypoint")) for one in deployments["deployments"]}
    with get_client(sync_client=True) as client:
        for one in _known(client, sorted({str(name) for name, _ in names})):
            there = (one.job_variables or {}).get("env", {}).get(VARIABLE)
            if (one.name, one.entrypoint) in names and there not in (None, workspace):
                raise PulseError(
                    "deploy.other_workspace",
                    f"The deployment {one.name} on this Prefect server runs in the workspace {there},"
                    f" not in {workspace}.",
                    "Give each workspace a Prefect server of its own (PREFECT_API_URL, or the embedded one), or"
                    f" first delete those of {there} there.",
                )


def write(deployments: dict[str, Any], file: Path) -> None:
    """Write them for ``prefect deploy --prefect-file``."""
    from ruamel.yaml import YAML

    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8") as out:
        YAML(typ="safe", pure=True).dump(deployments, out)


def _told(deployment: dict[str, Any], workspace: str) -> dict[str, Any]:
    pool = deployment.get("work_pool") or {}
    variables = pool.get("job_variables") or {}
    env = {**(variables.get("env") or {}), VARIABLE: workspace}
    return {**deployment, "work_pool": {**pool, "job_variables": {**variables, "env": env}}}


def _known(client: SyncPrefectClient, names: list[str]) -> list[Any]:
    found: list[Any] = []
    while True:
        page = client.read_deployments(
            deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=names)),
            limit=_PAGE,
            offset=len(found),
        )
        found += page
        if len(page) < _PAGE:
            return found
