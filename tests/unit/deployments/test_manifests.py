"""The manifests in deployments/: what their platforms take, by the platforms' own models where those can be had."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import botocore.session
import jsonschema
import pytest
import yaml
from botocore.validate import ParamValidator

from tests.tiny_project import ROOT

DEPLOYMENTS = ROOT / "deployments"
AWS = [
    ("ecs", "RegisterTaskDefinition", "ecs/task-definition.json"),
    ("ecs", "CreateService", "ecs/service.json"),
    ("sagemaker", "CreateModel", "sagemaker/model.json"),
    ("sagemaker", "CreateEndpointConfig", "sagemaker/endpoint-config.json"),
    ("sagemaker", "CreateEndpoint", "sagemaker/endpoint.json"),
]
NAMES = {"PULSE_HOST", "PULSE_PORT", "PULSE_STORE", "PULSE_LEDGER", "PULSE_SERVE", "PULSE_BEHIND_PROXY",
         "PULSE_SIGNING_KEY", "PULSE_DB_PASSWORD"}  # fmt: skip


def aws_manifest(path: str) -> dict[str, Any]:
    """A manifest as the AWS command line reads it."""
    return dict(json.loads((DEPLOYMENTS / path).read_text()))


def knative() -> dict[str, Any]:
    """The Knative service."""
    return dict(yaml.safe_load((DEPLOYMENTS / "knative" / "service.yaml").read_text()))


def misfits(shape: Any, value: Any, place: str = "") -> list[str]:
    """Strings that break the pattern, or are none of the choices, that a service's model gives for them."""
    if shape.type_name == "structure":
        return [m for key, one in value.items() for m in misfits(shape.members[key], one, f"{place}.{key}")]
    if shape.type_name == "list":
        return [m for at, one in enumerate(value) for m in misfits(shape.member, one, f"{place}[{at}]")]
    if shape.type_name == "map":
        return [m for key, one in value.items() for m in misfits(shape.value, one, f"{place}.{key}")]
    if shape.type_name != "string":
        return []
    pattern, choices = shape.metadata.get("pattern"), shape.metadata.get("enum")
    if pattern and not re.fullmatch(pattern, value):
        return [f"{place}: {value} does not match {pattern}"]
    return [f"{place}: {value} is none of {choices}"] if choices and value not in choices else []


@pytest.mark.parametrize(("service", "operation", "path"), AWS)
def test_what_aws_would_take(service: str, operation: str, path: str) -> None:
    """Keys, types, lengths, patterns and choices are those of the service's own model."""
    shape = botocore.session.get_session().get_service_model(service).operation_model(operation).input_shape
    manifest = aws_manifest(path)
    report = ParamValidator().validate(manifest, shape)
    assert not report.has_errors(), report.generate_report()
    assert misfits(shape, manifest) == []


def test_what_knative_would_take() -> None:
    """The fields of a Knative service and no others: a misspelled one would be refused by the cluster."""
    schema = json.loads((Path(__file__).parent / "knative_service.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(knative())
    wrong = knative()
    wrong["spec"]["template"]["spec"]["containerConcurency"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate(wrong)


def kubernetes() -> tuple[dict[str, Any], dict[str, Any]]:
    """The deployment and the service."""
    deployment, service = yaml.safe_load_all((DEPLOYMENTS / "kubernetes" / "runtime.yaml").read_text())
    return deployment, service


def test_kubernetes_runs_the_container_of_knative() -> None:
    """The same command, environment, probes and rights; only the port's name is Knative's own."""
    (there,) = knative()["spec"]["template"]["spec"]["containers"]
    (here,) = kubernetes()[0]["spec"]["template"]["spec"]["containers"]
    assert here | {"ports": None} == there | {"ports": None}


@pytest.mark.parametrize("pod", [knative()["spec"], kubernetes()[0]["spec"]], ids=["knative", "kubernetes"])
def test_a_read_only_root_has_a_folder_for_temporary_files(pod: dict[str, Any]) -> None:
    """The runtime with several workers needs one."""
    spec = pod["template"]["spec"]
    (container,) = spec["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    (mount,), (volume,) = container["volumeMounts"], spec["volumes"]
    assert (mount["mountPath"], mount["name"]) == ("/tmp", volume["name"])  # noqa: S108 - it is to be that one
    assert "emptyDir" in volume


def test_other_services_put_nothing_into_the_environment() -> None:
    """One called ``pulse`` would set PULSE_PORT to an address. Knative turns these links off by itself."""
    assert kubernetes()[0]["spec"]["template"]["spec"]["enableServiceLinks"] is False


def test_the_service_finds_its_pods() -> None:
    """Selectors and labels, and a port that the container has."""
    deployment, service = kubernetes()
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == service["spec"]["selector"] == labels
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert service["spec"]["ports"][0]["targetPort"] in {port["name"] for port in container["ports"]}
    assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def environments() -> dict[str, dict[str, str]]:
    """What each platform puts into the environment; a secret as its name."""
    (pod,) = knative()["spec"]["template"]["spec"]["containers"]
    (task,) = aws_manifest("ecs/task-definition.json")["containerDefinitions"]
    secrets = {one["name"]: one["valueFrom"] for one in task["secrets"]}
    return {
        "knative": {one["name"]: one.get("value", "from a secret") for one in pod["env"]},
        "ecs": {**{one["name"]: one["value"] for one in task["environment"]}, **secrets},
        "sagemaker": dict(aws_manifest("sagemaker/model.json")["PrimaryContainer"]["Environment"]),
    }


@pytest.mark.parametrize("platform", ["knative", "ecs", "sagemaker"])
def test_the_environment_is_one_that_pulse_reads(platform: str) -> None:
    """Known names only; the ledger is shared by replicas, and its password is a reference."""
    found = environments()[platform]
    assert set(found) <= NAMES
    assert found["PULSE_LEDGER"].startswith("postgresql://pulse:${PULSE_DB_PASSWORD}@")
    assert found["PULSE_STORE"].startswith("s3://")
    assert {"PULSE_DB_PASSWORD", "PULSE_SIGNING_KEY"} <= set(found)


def test_only_sagemaker_goes_without_keys() -> None:
    """It alone has asked who it is and cannot hand a key on."""
    open_ones = [name for name, found in environments().items() if "PULSE_BEHIND_PROXY" in found]
    assert open_ones == ["sagemaker"]


def test_manifests_that_name_each_other() -> None:
    """Service and task, endpoint, its configuration and its model."""
    service, task = aws_manifest("ecs/service.json"), aws_manifest("ecs/task-definition.json")
    assert service["taskDefinition"] == task["family"]
    (balanced,), (container,) = service["loadBalancers"], task["containerDefinitions"]
    assert balanced["containerName"] == container["name"]
    assert balanced["containerPort"] == container["portMappings"][0]["containerPort"]
    assert service["networkConfiguration"]["awsvpcConfiguration"]
    assert task["networkMode"] == "awsvpc"
    model, config, endpoint = (
        aws_manifest(f"sagemaker/{name}.json") for name in ("model", "endpoint-config", "endpoint")
    )
    assert config["ProductionVariants"][0]["ModelName"] == model["ModelName"]
    assert endpoint["EndpointConfigName"] == config["EndpointConfigName"]


def test_the_image_file_copies_what_is_there() -> None:
    """Every source exists and is not ignored; it ends as a user, and `serve` is a program of the image."""
    lines = (DEPLOYMENTS / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    copied = [source for line in lines if line.startswith("COPY ") for source in line.split()[1:-1]]
    ignored = (ROOT / ".dockerignore").read_text().split()
    for source in copied:
        assert (ROOT / source).exists(), source
        assert source.split("/")[0] not in ignored, source
    assert "deployments/serve" in copied
    assert os.access(DEPLOYMENTS / "serve", os.X_OK)
    assert [line for line in lines if line.startswith("USER ")] == ["USER 1000"]
    pins = (ROOT / "requirements" / "runtime.txt").read_text()
    assert pins.count("\npsycopg") == 2
    assert "\ndask==" in pins
    assert "\ndistributed==" in pins
