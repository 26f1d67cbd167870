"""Protocols made to hurt whoever reads them: refused with their place, or read, in bounded time and memory."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol import loading
from pulse_blocks.protocol.columns import all_columns
from tests.bench.stopwatch import peak_mb, reset_peak
from tests.faults.conftest import Tell

pytestmark = pytest.mark.faults
SOUND = Path("protocols/fraud-detector.yaml").read_text("utf-8")
# CPU seconds and megabytes: what is refused costs a twentieth of this, 20,000 columns a third.
MOST_SECONDS, MOST_MB = 20.0, 200.0


def _with(old: str, new: str) -> str:
    assert SOUND.count(old) == 1
    return SOUND.replace(old, new)


def _checked(expression: str) -> str:
    rows = "  - {rows: {ge: 1000}}\n"
    return _with(rows, f"{rows}  - {{name: x, expr: '{expression}'}}\n")


def _columns(count: int) -> str:
    last = "  f_06: {type: float}\n"
    return _with(last, last + "".join(f"  c{number}: {{type: float}}\n" for number in range(count)))


LIMIT = "ge: 0, le: 21000"
REFUSED = {
    "100,000 columns": _columns(100_000),
    "a list 20,000 deep": SOUND + "x: " + "[" * 20_000 + "]" * 20_000,
    "a map 20,000 deep": SOUND + "x: " + "{a: " * 20_000 + "1" + "}" * 20_000,
    "blocks 500 deep": SOUND + "x:\n" + "".join(" " * (depth + 1) + "a:\n" for depth in range(500)),
    "a number of 100,000 digits": _with(LIMIT, "ge: 0, le: " + "9" * 100_000),
    "a number beyond all floats": _with(LIMIT, "ge: 0, le: 1e999999"),
    "no number": _with(LIMIT, "ge: .nan, le: .inf"),
    "20,000 parentheses": _checked("(" * 20_000 + "amount > 0" + ")" * 20_000),
    "600 parentheses": _checked("(" * 600 + "amount > 0" + ")" * 600),
    "20,000 terms": _checked(" or ".join(["amount > 0"] * 20_000)),
    "code for an expression": _checked('__import__("os").system("true") > 0'),
    "a statement for an expression": _checked("amount > 0; drop table transactions"),
    "a name that leads elsewhere": _with("name: fraud-detector", "name: ../../fraud-detector"),
    "two statements": _with("where at >= datetime(:start)", "; drop table transactions; select 1"),
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_refused(text: str) -> None:
    """Too deep, too many, no number, no expression, no name: an error of ours, soon, whatever the size."""
    reset_peak()
    before, started = peak_mb(), time.process_time()
    with pytest.raises(PulseError) as caught:
        loading.loads(text)
    assert time.process_time() - started < MOST_SECONDS
    assert peak_mb() - before < MOST_MB
    assert len(caught.value.message) < 10_000, "an error shows what is wrong, not all of it"


def test_very_many_columns(tell: Tell) -> None:
    """As many columns as a protocol's 512 KiB hold are read; more are refused by their size alone."""
    reset_peak()
    before, started = peak_mb(), time.process_time()
    protocol = loading.loads(_columns(20_000))
    seconds, grown = time.process_time() - started, peak_mb() - before
    assert len(all_columns(protocol)) == 20_030
    assert seconds < MOST_SECONDS
    assert grown < MOST_MB
    tell("a protocol of 20,000 columns, and one of 100,000", "1", f"read in {seconds:.1f} s of CPU; refused")
