"""A training step on a Fargate pool, up to the call that starts its container: a real worker, AWS played by moto."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from pulse_blocks.blocks import setup, steps
from pulse_blocks.blocks.infrastructure import look
from pulse_blocks.protocol import loading
from pulse_blocks.settings import Workspace
from pulse_blocks.stages.context import Context
from tests.prefect_server import Server
from tests.tiny_project import ROOT

pytestmark = pytest.mark.long
IMAGE, API = "registry.example.com/pulse:1", "https://prefect.example.com/api"


@pytest.fixture(scope="module")
def aws() -> Iterator[Any]:
    """An ECS client of a server that plays AWS; this environment leads there. prefect-aws keeps its clients."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch = pytest.MonkeyPatch()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    yield boto3.client("ecs")
    monkeypatch.undo()
    server.stop()


def make_pool(name: str, template: str, **defaults: Any) -> None:
    """A pool from a template in deployments/pools, with what its owner would fill in."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate

    made = json.loads((ROOT / "deployments" / "pools" / f"{template}.json").read_text())
    for variable, value in defaults.items():
        made["variables"]["properties"][variable]["default"] = value
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=name, type="ecs", base_job_template=made))


def submitted(pool: str, aws: Any) -> dict[str, Any]:
    """The task that a worker starts for the flow run that waits in the pool."""
    from prefect_aws import ECSWorker

    async def work() -> list[str]:
        async with ECSWorker(work_pool_name=pool) as worker:
            await worker.sync_with_backend()
            await worker.get_and_submit_flow_runs()
            for _ in range(100):
                if arns := aws.list_tasks(cluster=pool)["taskArns"]:
                    return list(arns)
                await asyncio.sleep(0.2)
        return []

    (arn,) = asyncio.run(work())
    return dict(aws.describe_tasks(cluster=pool, tasks=[arn])["tasks"][0])


@pytest.mark.parametrize(("template", "spot"), [("fargate", False), ("fargate-spot", True)])
def test_the_planned_container_is_asked_for(
    api: Server, workspace: Workspace, aws: Any, template: str, spot: bool
) -> None:
    """RunTask gets a valid pair that holds the plan, the image, the workspace, and the address of Prefect's API."""
    away = msgspec.structs.replace(
        workspace,
        store="s3://models/pulse",
        ledger="postgresql://pulse:${LEDGER_PASSWORD}@db/pulse",
        tracking="https://mlflow.example.com",
        artifacts="s3://models/mlflow",
        training_pool=template,
    )
    assert [one.name for one in look(away) if one.level == "broken"] == ["Pool"]
    aws.create_cluster(clusterName=template)
    role = "arn:aws:iam::123456789012:role/pulse"
    make_pool(
        template,
        template,
        image=IMAGE,
        cluster=template,
        execution_role_arn=role,
        env={"PREFECT_API_URL": API},
    )
    setup.register_step(template, away.name)
    assert [one.name for one in look(away) if one.level == "broken"] == ["Worker"]

    protocol = loading.load(loading.find(workspace, "tiny"))
    context = Context(protocol=protocol, workspace=away, window=None, attempt="attempt_1")
    run = steps.start(context, template, cpu=3, memory=["6GiB"], key=f"attempt_1 {template}")
    assert steps.start(context, template, cpu=3, memory=["6GiB"], key=f"attempt_1 {template}") == run
    task = submitted(template, aws)

    definition = aws.describe_task_definition(taskDefinition=task["taskDefinitionArn"])["taskDefinition"]
    assert definition["containerDefinitions"][0]["image"] == IMAGE
    assert (definition["cpu"], definition["memory"]) == ("4096", "8192")
    assert definition["executionRoleArn"] == role
    (container,) = task["overrides"]["containerOverrides"]
    assert (container["cpu"], container["memory"]) == (4096, 8192)
    given = {one["name"]: one["value"] for one in container["environment"]}
    assert given["PREFECT_API_URL"] == API
    assert given["PREFECT__FLOW_RUN_ID"] == run
    assert given["PULSE_STORE"] == away.store
    assert (
        given["PULSE_LEDGER"] == away.ledger
    )  # a reference: the container's own environment has the password
    assert (task.get("capacityProviderName") == "FARGATE_SPOT") == spot
    state = steps.state_of(run)
    assert state is not None
    assert not state.is_final(), state
    steps.cancel(run, "the test is over")


def test_what_a_container_cannot_reach_is_found(api: Server, workspace: Workspace, aws: Any) -> None:
    """An embedded workspace behind a pool of containers: image, API address and every place are told, with a fix."""
    make_pool("bare", "fargate")
    found = look(msgspec.structs.replace(workspace, training_pool="bare"))
    broken = {one.name: one.fix for one in found if one.level == "broken"}
    names = {"Worker", "Deployment", "Image", "API address", "Store", "Ledger", "Tracking", "Artifacts"}
    assert broken.keys() == names
    assert all(broken.values())


def test_no_pool_is_needed(api: Server, workspace: Workspace) -> None:
    """The embedded workspace trains in a process of the pipeline's own."""
    assert [one.level for one in look(workspace)] == ["ok"]
