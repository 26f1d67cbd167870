"""YAML that is written means, to the language's own reader and to any other, just what was given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pulse_blocks.protocol import loading
from pulse_blocks.protocol.writing import as_yaml

texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12
) | st.sampled_from(
    [
        "",
        "NO",
        "yes",
        "~",
        "null",
        "1.0.0",
        "1e5",
        "0x1F",
        "- a",
        "a: b",
        "#",
        "'",
        '"',
        "a\nb",
        "a\n",
        " a",
        "\t",
        "|",
    ]
)
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(-1e300, 1e300) | texts
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(texts, trees, min_size=1, max_size=4))
def test_what_is_written_is_read_again(tmp_path: Path, data: dict[str, Any]) -> None:
    """By both readers: nothing turns into a number, a truth value, nothing, or a comment."""
    from ruamel.yaml import YAML

    text = as_yaml(data)
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    assert loading.plain(path) == data
    assert YAML(typ="safe", pure=True).load(text) == data


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"a": {"b": {"type": "float", "ge": 0}}}, "a:\n  b: {type: float, ge: 0}\n"),
        ({"query": "select 1\nfrom x\n"}, "query: |\n  select 1\n  from x\n"),
        ({"a": {"list": [1, "x y", True]}}, 'a:\n  list: [1, "x y", true]\n'),
        ({"a": [{"k": "v" * 120}]}, "a:\n  - k: " + "v" * 120 + "\n"),
    ],
)
def test_it_is_written_for_people(data: dict[str, Any], text: str) -> None:
    """Short things in a line, long texts as blocks."""
    assert as_yaml(data) == text
