"""What a work pool lacks before a training step can run on it: looked up, nothing is changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL

from pulse_blocks.blocks.steps import FLOW
from pulse_blocks.records import Record
from pulse_blocks.settings import Workspace

_LOOPBACK = ("localhost", "127.0.0.1", "::1", "0.0.0.0")  # noqa: S104  compared with, never bound
# Kinds of pools that start containers, with the template that Pulse has for each.
CONTAINERS = {"ecs": "fargate.json", "kubernetes": "kubernetes.json"}
KINDS = ("process", *CONTAINERS)


class Finding(Record, frozen=True, kw_only=True):
    """One thing that was looked at. ``fix`` helps where it is not ok."""

    name: str
    level: Literal["ok", "warning", "broken"]
    said: str
    fix: str | None = None


def look(workspace: Workspace) -> tuple[Finding, ...]:
    """Look at the pool, its worker, its deployment, and what its containers need to reach."""
    pool = workspace.training_pool
    if not pool:
        said = "Training runs in a process of the pipeline's own: no pool is needed."
        return (_ok("Pool", said),)
    try:
        with get_client(sync_client=True) as client:
            return tuple(_looked(client, workspace, pool))
    except httpx.HTTPError as error:
        said = f"The Prefect server at {PREFECT_API_URL.value()} does not answer: {error}."
        return (_broken("Prefect", said, "Start it, or set PREFECT_API_URL."),)


def _looked(client: SyncPrefectClient, workspace: Workspace, pool: str) -> Iterator[Finding]:
    try:
        found = client.read_work_pool(pool)
    except ObjectNotFound:
        fix = f"prefect work-pool create {pool} --type ecs --base-job-template deployments/pools/fargate.json"
        yield _broken("Pool", f"The Prefect server has no work pool {pool}.", fix)
        return
    yield _pool(found)
    yield _worker(client, pool, found.type)
    yield _deployment(client, pool)
    if found.type in CONTAINERS:
        defaults = _defaults(found.base_job_template)
        yield _image(pool, defaults)
        yield _address(pool, defaults)
        yield from _places(workspace)
        yield from _ecs(defaults) if found.type == "ecs" else _kubernetes(defaults)


def _pool(found: Any) -> Finding:
    if found.is_paused:
        return _broken("Pool", f"{found.name} is paused.", f"prefect work-pool resume {found.name}")
    if found.type not in KINDS:
        said = f"{found.name} is of type {found.type}, for which Pulse sets no cpu and memory."
        return _warning(
            "Pool", said, "Use a pool of type process, ecs or kubernetes, or size the pool by hand."
        )
    return _ok("Pool", f"{found.name} is of type {found.type}.")


def _worker(client: SyncPrefectClient, pool: str, kind: str) -> Finding:
    workers = client.read_workers_for_work_pool(pool)
    online = [worker.name for worker in workers if worker.status == "ONLINE"]
    if online:
        return _ok("Worker", f"{', '.join(sorted(online))} is waiting for work.")
    start = f"prefect worker start --pool {pool} --type {kind}"
    return _broken("Worker", f"No worker of {pool} is online: nothing would start.", start)


def _deployment(client: SyncPrefectClient, pool: str) -> Finding:
    name = f"{FLOW}/{pool}"
    try:
        found = client.read_deployment_by_name(name)
    except ObjectNotFound:
        return _broken("Deployment", f"There is no deployment {name}.", "pulse deploy")
    if found.work_pool_name != pool:
        said = f"{name} is on the pool {found.work_pool_name}."
        return _broken("Deployment", said, "pulse deploy")
    return _ok("Deployment", f"{name} is registered.")


def _image(pool: str, defaults: dict[str, Any]) -> Finding:
    if image := defaults.get("image"):
        return _ok("Image", f"{image}")
    fix = f"Build deployments/Dockerfile, push it, and set `image` of the pool {pool}."
    return _broken("Image", "No image is set: the pool would start Prefect's own, without this project.", fix)


def _address(pool: str, defaults: dict[str, Any]) -> Finding:
    """A worker hands its own address on, which often leads nowhere in a container."""
    own = (defaults.get("env") or {}).get("PREFECT_API_URL")
    url = own or PREFECT_API_URL.value() or ""
    if urlsplit(url).hostname in (*_LOOPBACK, None):
        said = f"Containers would look for the Prefect server at {url or 'no address'}, which leads back to themselves."
        fix = f"Set PREFECT_API_URL in `env` of the pool {pool} to an address that they reach."
        return _broken("API address", said, fix)
    return _ok("API address", f"Containers reach Prefect at {url}.")


def _places(workspace: Workspace) -> Iterator[Finding]:
    for name in ("store", "ledger", "tracking", "artifacts"):
        url = getattr(workspace, name)
        if "://" not in url or url.startswith(("sqlite:", "file:")):
            said = f"{name} is {url}, which containers cannot see."
            fix = f"Set `{name}` of the workspace to s3://, postgresql:// or http(s)://, whichever it takes."
            yield _broken(name.capitalize(), said, fix)
        elif urlsplit(url).hostname in _LOOPBACK:
            said = f"{name} is on this machine's own loopback address, which containers cannot reach."
            yield _broken(
                name.capitalize(), said, f"Set `{name}` of the workspace to an address that they reach."
            )
        else:
            yield _ok(name.capitalize(), "Containers can be given its address.")


def _ecs(defaults: dict[str, Any]) -> Iterator[Finding]:
    yield _credentials(defaults)
    for variable, name, why in (
        ("cluster", "Cluster", "the account's cluster `default` is used"),
        ("execution_role_arn", "Execution role", "a private image cannot be pulled and no secret read"),
        ("task_role_arn", "Task role", "the step has no right to the store"),
    ):
        if value := defaults.get(variable):
            yield _ok(name, str(value))
        else:
            yield _warning(name, f"None is set: {why}.", f"Set `{variable}` of the pool.")


def _credentials(defaults: dict[str, Any]) -> Finding:
    if defaults.get("aws_credentials"):
        return _ok("Credentials", "The pool names a block with AWS credentials.")
    from botocore.exceptions import BotoCoreError
    from prefect_aws import AwsCredentials

    try:
        found = AwsCredentials().get_boto3_session().get_credentials()
    except BotoCoreError as error:
        return _broken(
            "Credentials", f"{error}.", "Correct AWS_PROFILE or the files that it is looked for in."
        )
    if found is not None:
        return _ok("Credentials", "This environment has AWS credentials; the worker's must have them too.")
    said = "Neither the pool nor this environment has AWS credentials."
    return _broken(
        "Credentials", said, "Set `aws_credentials` of the pool, or AWS_PROFILE where the worker runs."
    )


def _kubernetes(defaults: dict[str, Any]) -> Iterator[Finding]:
    places = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    if defaults.get("cluster_config"):
        yield _ok("Credentials", "The pool names a block with a cluster.")
    elif (
        any(Path(one).is_file() for one in places.split(os.pathsep))
        or "KUBERNETES_SERVICE_HOST" in os.environ
    ):
        yield _ok("Credentials", "This environment knows a cluster; the worker's must too.")
    else:
        said = "Neither the pool nor this environment knows a cluster."
        yield _broken(
            "Credentials", said, "Set `cluster_config` of the pool, or KUBECONFIG where the worker runs."
        )


def _defaults(template: dict[str, Any]) -> dict[str, Any]:
    """What a pool sets for every job."""
    properties = template.get("variables", {}).get("properties", {})
    return {name: one.get("default") for name, one in properties.items()}


def _ok(name: str, said: str) -> Finding:
    return Finding(name=name, level="ok", said=said)


def _warning(name: str, said: str, fix: str) -> Finding:
    return Finding(name=name, level="warning", said=said, fix=fix)


def _broken(name: str, said: str, fix: str) -> Finding:
    return Finding(name=name, level="broken", said=said, fix=fix)
