"""The page on the protocol language: every key of the language is on it, and every example loads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from pulse_blocks.protocol import loading
from pulse_blocks.protocol.metrics import METRICS
from pulse_blocks.protocol.spec import FieldSpec, Protocol
from pulse_blocks.protocol.words import alternatives, bare
from pulse_blocks.protocol.writing import as_yaml

PAGE = (Path(__file__).parents[3] / "docs" / "protocol.md").read_text()
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
HEADINGS = {"": "## The protocol itself", "features": "## Features and columns"}


def sections(
    kind: type[msgspec.Struct] = Protocol, path: str = ""
) -> Iterator[tuple[str, type[msgspec.Struct]]]:
    """Every section of the language with its path, each type at its first place."""
    yield path, kind
    described: Any = inspect.type_info(kind)
    for field in described.fields:
        here = f"{path}.{field.encode_name}".lstrip(".")
        for one in alternatives(field.type):
            inner = bare(getattr(one, "value_type", getattr(one, "item_type", one)))
            if isinstance(inner, inspect.StructType) and (inner.cls is not FieldSpec or here == "features"):
                yield from sections(inner.cls, here)


def table(path: str) -> dict[str, str]:
    """Key and default of each row of a section's table."""
    heading = HEADINGS.get(path, f"{'#' * (2 + path.count('.'))} `{path}`")
    assert f"\n{heading}\n" in PAGE, f"There is no heading {heading}."
    text = PAGE.split(f"\n{heading}\n", 1)[1]
    first = text.split("|---|---|---|---|\n", 1)[1].split("\n\n", 1)[0]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in first.splitlines()]
    return {cells[0].strip("`"): cells[2] for cells in rows}


PLACES = [(path, kind) for path, kind in sections() if path != "output.value"]


@pytest.mark.parametrize(("path", "kind"), PLACES, ids=lambda value: value if isinstance(value, str) else "")
def test_every_key_is_on_the_page_with_its_default(path: str, kind: type[msgspec.Struct]) -> None:
    """Each section has a heading and a table of exactly its keys, with the defaults that the code has."""
    documented = table(path)
    assert list(documented) == [field.encode_name for field in msgspec.structs.fields(kind)]
    for field in msgspec.structs.fields(kind):
        said = documented[field.encode_name]
        if field.required:
            assert said == "required", field.name
        elif isinstance(field.default, bool | int | float | str) and field.default != "":
            assert said == str(field.default).lower(), field.name
        else:
            assert said in ("none", "empty", "all defaults", "days: 7"), field.name


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.split(":")[0])
def test_every_example_loads(example: str, tmp_path: Path) -> None:
    """A whole protocol by itself, anything else in the place of those sections of the whole one."""
    whole, part = tmp_path / "whole.yaml", tmp_path / "part.yaml"
    whole.write_text(EXAMPLES[0])
    part.write_text(example)
    data = {**loading.plain(whole), **loading.plain(part)}
    if "features" in loading.plain(part):
        data["checks"] = []
    loading.loads(as_yaml(data))


def test_every_metric_is_named() -> None:
    """By the name that a protocol asks for it."""
    for names in METRICS.values():
        for name in names:
            assert f"`{name}`" in PAGE
