"""Whatever the text: a protocol or a list of problems with places in it, never anything else."""

from __future__ import annotations

from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from pulse_blocks.errors import ProtocolError
from pulse_blocks.protocol import loading, spec

FILE = Path(__file__).parents[2] / "protocols" / "fraud-detector.yaml"
TEXT = FILE.read_text(encoding="utf-8")
LINES = TEXT.splitlines()
SIGNS = "{}[]:,-?&*!|>'\"%@`#\n \ta1.é\x00~"
ALPHABET = st.sampled_from([*SIGNS, "pulse", "<<"])
SPLINTERS = st.text(max_size=8) | st.lists(ALPHABET, max_size=8).map("".join)


def _verdict(text: str) -> spec.Protocol | None:
    """The protocol, or None once the problems have been looked at."""
    try:
        return loading.loads(text, "p.yaml")
    except ProtocolError as error:
        problems = error.problems
    breaks = sum(text.count(sign) for sign in "\n\r\x85\u2028\u2029")
    places = [(problem.line, problem.column) for problem in problems]
    assert places
    assert places == sorted(places)
    assert all(1 <= line <= breaks + 2 and column >= 1 for line, column in places)
    assert all(problem.code.startswith("protocol.") and problem.message for problem in problems)
    return None


KEYS = st.sampled_from(["features", "target", "name", "type", "ge", "values", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(TEXT)), st.integers(0, 12), SPLINTERS)
def test_a_file_with_a_splinter_in_it_is_sound_or_told(place: int, cut: int, splinter: str) -> None:
    """Any text put anywhere into a protocol gives a protocol that survives its JSON, or problems."""
    protocol = _verdict(TEXT[:place] + splinter + TEXT[place + cut :])
    if protocol is not None:
        assert spec.from_json(spec.to_json(protocol)) == protocol


@given(st.text(max_size=200) | st.lists(ALPHABET, max_size=60).map("".join))
def test_any_text_at_all_is_told(text: str) -> None:
    """Noise is never a traceback, and never a protocol."""
    assert _verdict(text) is None


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, len(LINES) - 1), max_size=6, unique=True))
def test_a_file_that_lost_lines_is_sound_or_told(lost: list[int]) -> None:
    """Missing lines give missing keys with their paths, or a protocol that needed none of them."""
    _verdict("\n".join(line for number, line in enumerate(LINES) if number not in lost))


@settings(deadline=None)
@given(JSON)
def test_any_json_is_told(value: object) -> None:
    """JSON is YAML: any JSON value but a protocol gives problems."""
    assert _verdict(msgspec.json.encode(value).decode()) is None
