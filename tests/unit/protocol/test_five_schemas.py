"""One protocol, five schemas: all say the same of every column, for every example there is."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import msgspec
import pytest
from msgspec import inspect

from pulse_blocks.protocol import loading
from pulse_blocks.protocol.requests import request_type
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.protocol.writing import as_yaml

ROOT = Path(__file__).parents[3]
EVERY_TYPE = """\
pulse: 1
name: every-type
version: 1.0.0
task: regression
source: {datasource: d, query: select 1, time: at, key: [id]}
features:
  amount: {type: float, ge: 0}
  maybe amount: {type: float, nullable: true}
  count: {type: int, lt: 9}
  maybe count: {type: int, nullable: true}
  flag: {type: bool}
  maybe flag: {type: bool, nullable: true}
  it's a kind: {type: category, values: [a, 'NO', ü]}
  maybe kind: {type: category, values: [a], nullable: true}
  grade: {type: category, values: [3, 1, 2]}
  maybe grade: {type: category, values: [1], nullable: true}
columns:
  id: {type: int}
target: {name: y, type: float}
training: {}
"""


class Said(NamedTuple):
    """What a schema says of a column: kind of value, whether null may stand for it, whether values are listed."""

    kind: str
    nullable: bool
    listed: bool


def protocols() -> list[Any]:
    """The examples of the project and of the documentation, and one with every type of feature."""
    found = [loading.load(path) for path in sorted((ROOT / "protocols").glob("*.yaml"))]
    page = (ROOT / "docs" / "protocol.md").read_text()
    whole, *parts = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    found += [loading.loads(whole), loading.loads(EVERY_TYPE)]
    for part in parts:
        if part.startswith(("features:", "task:")):
            found.append(loading.loads(as_yaml({**plain(whole), "checks": [], **plain(part)})))
    return [pytest.param(one, id=f"{one.name}-{number}") for number, one in enumerate(found)]


def plain(text: str) -> dict[str, Any]:
    """YAML as plain data."""
    from ruamel.yaml import YAML

    data: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return msgspec.to_builtins(data, str_keys=True)  # type: ignore[no-any-return]


def by_pandera(protocol: Protocol) -> dict[str, Said]:
    """The schema of whole columns."""
    import polars as pl

    from pulse_blocks.validation.schema import frame_schema

    kinds = {pl.Float64: "number", pl.Int64: "integer", pl.Boolean: "boolean", pl.String: "string"}
    columns = frame_schema(protocol).columns
    return {
        name: Said(
            kinds[columns[name].dtype.type],
            columns[name].nullable,
            any(check.error == "values" for check in columns[name].checks),
        )
        for name in protocol.features
    }


def by_msgspec(protocol: Protocol) -> dict[str, Said]:
    """The type that requests are decoded into."""
    described: Any = inspect.type_info(request_type(protocol))
    return {
        field.encode_name: _decoded(field.type)
        for field in described.fields
        if field.encode_name in protocol.features
    }


def _decoded(kind: Any) -> Said:
    parts = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    nullable = any(isinstance(part, inspect.NoneType) for part in parts)
    (value,) = [part for part in parts if not isinstance(part, inspect.NoneType)]
    if isinstance(value, inspect.LiteralType):
        whole = all(isinstance(one, int) for one in value.values)
        return Said("integer" if whole else "string", nullable, listed=True)
    kinds = {inspect.FloatType: "number", inspect.IntType: "integer", inspect.BoolType: "boolean"}
    return Said(kinds[type(value)], nullable, listed=False)


def by_openapi(protocol: Protocol) -> dict[str, Said]:
    """The component that the runtime publishes."""
    from pulse_blocks.serving import openapi

    model: Any = SimpleNamespace(protocol=protocol, record=request_type(protocol), name=protocol.name)
    path = openapi.document([model])["paths"][f"/predict/{protocol.name}"]
    record = path["post"]["requestBody"]["content"]["application/json"]["schema"]["oneOf"][0]
    return {name: _published(record["properties"][name]) for name in protocol.features}


def _published(schema: dict[str, Any]) -> Said:
    parts = schema.get("anyOf", [schema])
    values = [value for part in parts for value in part.get("enum", ())]
    nullable = None in values or any(part.get("type") == "null" for part in parts)
    if values:
        whole = all(isinstance(value, int) for value in values if value is not None)
        return Said("integer" if whole else "string", nullable, listed=True)
    (kind,) = [part["type"] for part in parts if part["type"] != "null"]
    return Said(kind, nullable, listed=False)


@pytest.mark.parametrize("protocol", protocols())
def test_five_schemas_agree(protocol: Protocol) -> None:
    """Names in one order, types, nulls and listed values; MLflow and Evidently as far as they can say it."""
    from pulse_blocks.drift.definition import data_definition, prediction_name
    from pulse_blocks.tracking.model_folder import signature

    said = by_pandera(protocol)
    assert list(said) == list(protocol.features)
    assert list(by_msgspec(protocol)) == list(protocol.features)
    assert by_msgspec(protocol) == said
    assert by_openapi(protocol) == said

    types = {"double": "number", "long": "integer", "boolean": "boolean", "string": "string"}
    inputs = signature(protocol).inputs.inputs
    assert [(one.name, types[one.type.name], not one.required) for one in inputs] == [
        (name, one.kind, one.nullable) for name, one in said.items()
    ]

    definition = data_definition(protocol)
    answer = prediction_name(protocol)
    categories = {name for name, one in said.items() if one.listed or one.kind == "boolean"}
    assert set(definition.categorical_columns) - {answer} == categories
    assert set(definition.numerical_columns) - {answer} == set(said) - categories
