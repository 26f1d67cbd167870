"""The templates in deployments/pools: what a worker makes of them is what each platform takes."""

from __future__ import annotations

import asyncio
import json
import shlex
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pulse_blocks.blocks.job_variables import job_variables
from pulse_blocks.settings import Workspace
from pulse_blocks.training.fargate import pairs
from pulse_blocks.training.sizing import GIB
from tests.tiny_project import ROOT

POOLS = ROOT / "deployments" / "pools"
WORKSPACE = Workspace(
    root="/project",
    store="s3://models/pulse",
    ledger="postgresql://pulse:${LEDGER_PASSWORD}@db/pulse",
    tracking="https://mlflow.example.com",
    artifacts="s3://models/mlflow",
)


def template(name: str) -> dict[str, Any]:
    """A pool's base job template."""
    found: dict[str, Any] = json.loads((POOLS / f"{name}.json").read_text())
    return found


def filled(name: str, values: dict[str, Any]) -> dict[str, Any]:
    """The job configuration that Prefect makes of a template."""
    from prefect.utilities.templating import apply_values

    made = template(name)
    defaults = {key: one.get("default") for key, one in made["variables"]["properties"].items()}
    given = {
        "name": "train-model",
        "labels": {"a": "b"},
        "command": "prefect flow-run execute",
        "image": "pulse:1",
    }
    result: dict[str, Any] = apply_values(
        made["job_configuration"], {**{k: v for k, v in defaults.items() if v is not None}, **given, **values}
    )
    return result


@pytest.mark.parametrize("path", sorted(POOLS.glob("*.json")), ids=lambda path: path.stem)
def test_templates_are_whole(path: Path) -> None:
    """Every placeholder is a variable and every variable is used and described; no secret has a default."""
    made = json.loads(path.read_text())
    text, properties = json.dumps(made["job_configuration"]), made["variables"]["properties"]
    used = {part.split("}}")[0].strip() for part in text.split("{{")[1:]}
    assert used == properties.keys()
    assert all(one["description"] for one in properties.values())
    jsonschema.Draft202012Validator.check_schema(made["variables"])
    assert not any(
        one.get("default") for name, one in properties.items() if "key" in name or name == "secrets"
    )


@pytest.mark.parametrize("name", ["fargate", "fargate-spot"])
def test_the_ecs_worker_takes_them(name: str) -> None:
    """prefect-aws reads the template; cpu and memory are a pair that Fargate has, at task and at container level."""
    from prefect_aws.workers.ecs_worker import ECSJobConfiguration

    values = job_variables("ecs", WORKSPACE, 3, 6 * GIB)
    assert (values["cpu"], values["memory"]) in pairs()
    nobody: Any = object()  # there is no reference in the template that a server would have to resolve
    made = asyncio.run(
        ECSJobConfiguration.from_template_and_values(
            template(name), {**values, "image": "pulse:1", "command": "x"}, client=nobody
        )
    )
    assert made.task_definition["cpu"] == made.task_run_request["overrides"]["cpu"] == 4096
    container = made.task_run_request["overrides"]["containerOverrides"][0]
    assert (container["cpu"], container["memory"]) == (4096, 8192)
    assert made.env["PULSE_LEDGER"] == WORKSPACE.ledger  # a reference, not the password
    assert "PULSE_ROOT" not in made.env


@pytest.mark.parametrize("name", ["fargate", "fargate-spot"])
def test_ecs_takes_what_the_template_says(name: str) -> None:
    """Botocore's own validator of RegisterTaskDefinition finds nothing wrong with the task definition."""
    import botocore.loaders
    import botocore.model
    import botocore.validate

    service = botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model("ecs", "service-2"))
    made = filled(name, job_variables("ecs", WORKSPACE, 1, GIB) | {"family": "pulse"})["task_definition"]
    made = {
        key: str(value) if key in ("cpu", "memory") else value
        for key, value in made.items()
        if value is not None
    }
    shape = service.operation_model("RegisterTaskDefinition").input_shape
    assert not botocore.validate.ParamValidator().validate(made, shape).has_errors()


def test_kubernetes_takes_what_the_template_says() -> None:
    """The job that is made of the template meets the API's schema; memory is requested and limited alike."""
    values = job_variables("kubernetes", WORKSPACE, 2, GIB)
    made = filled("kubernetes", values)["job_manifest"]
    container = made["spec"]["template"]["spec"]["containers"][0]
    # As the worker does before it sends the job.
    container["env"] = [{"name": key, "value": value} for key, value in values["env"].items()]
    container["args"] = shlex.split(container["args"])
    made = json.loads(json.dumps(made))
    made["spec"]["template"]["spec"].pop("serviceAccountName", None)
    jsonschema.validate(made, json.loads((Path(__file__).parent / "job_schema.json").read_text()))
    assert container["resources"] == {
        "requests": {"cpu": "2", "memory": "1536Mi"},
        "limits": {"memory": "1536Mi"},
    }


def test_a_process_is_told_where_the_project_is() -> None:
    """On this machine the pool sets nothing but the environment."""
    values = job_variables("process", WORKSPACE, 2, GIB)
    assert values.keys() == {"env"}
    assert values["env"]["PULSE_ROOT"] == values["env"]["PYTHONPATH"] == "/project"
    assert filled("process", values)["env"] == values["env"]
