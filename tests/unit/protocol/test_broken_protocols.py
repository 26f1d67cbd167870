"""A folder of broken protocols: each is refused by its problem alone, and the JSON Schema knows what it can know."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pulse_blocks.errors import ProtocolError
from pulse_blocks.protocol import loading
from pulse_blocks.protocol.schema import json_schema

ROOT = Path(__file__).parents[3]
BROKEN = sorted((ROOT / "tests" / "broken_protocols").glob("*.yaml"))
SOUND = sorted((ROOT / "protocols").glob("*.yaml"))
EXPECTED = re.compile(r"^# expected: (\S+) at (.+) in line (\d+)$", re.MULTILINE)
VERDICT = re.compile(r"^# schema: (accepts|refuses|cannot say)", re.MULTILINE)
VALIDATOR = Draft202012Validator(json_schema())


def schema_errors(path: Path) -> list[Any]:
    """What a JSON Schema validator, such as an editor's, finds in a file."""
    return list(VALIDATOR.iter_errors(loading.plain(path)))


def test_there_are_broken_protocols_of_every_kind() -> None:
    """Problems that types show, contradictions across keys, and files that are no YAML of the language."""
    verdicts = [VERDICT.findall(path.read_text()) for path in BROKEN]
    assert all(len(found) == 1 for found in verdicts)
    assert {found[0] for found in verdicts} == {"accepts", "refuses", "cannot say"}


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_a_broken_protocol_has_the_problems_it_says(path: Path) -> None:
    """No problem less and none more, each at its path and line; messages are sentences in one line."""
    expected = [(code, where, int(line)) for code, where, line in EXPECTED.findall(path.read_text())]
    with pytest.raises(ProtocolError) as refusal:
        loading.load(path)
    found = refusal.value.problems
    assert [(one.code, one.path or "the file", one.line) for one in found] == expected
    for one in found:
        assert one.message.endswith(".")
        assert one.message.isprintable()


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_the_json_schema_refuses_what_types_show(path: Path) -> None:
    """And accepts a contradiction across keys, which is beyond it: ``pulse check`` finds that."""
    (verdict,) = VERDICT.findall(path.read_text())
    if verdict == "cannot say":
        with pytest.raises(ProtocolError):
            loading.plain(path)
        return
    errors = schema_errors(path)
    assert bool(errors) == (verdict == "refuses"), errors


@pytest.mark.parametrize("path", SOUND, ids=lambda path: path.stem)
def test_the_json_schema_accepts_every_example(path: Path) -> None:
    """As ``pulse check`` does."""
    loading.load(path)
    assert schema_errors(path) == []


def test_the_json_schema_accepts_the_examples_of_the_documentation() -> None:
    """The whole protocol of the page on the language, with each of its other sections in turn."""
    page = (ROOT / "docs" / "protocol.md").read_text()
    whole, *parts = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    base = plain(whole)
    for part in (whole, *parts):
        assert list(VALIDATOR.iter_errors({**base, **plain(part)})) == [], part


def plain(text: str) -> dict[str, Any]:
    """A text as plain data, as the language reads YAML."""
    from pulse_blocks.protocol import parsing
    from pulse_blocks.protocol.problems import Problems

    root = parsing.parse(text, Problems("example"))
    assert root is not None
    data: dict[str, Any] = root.as_data()
    return data
