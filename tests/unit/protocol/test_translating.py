"""Expressions over features become trees, or are refused when the protocol is checked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol import loading
from pulse_blocks.protocol.expressions import Column, Operation, RowCheck, Tree, checker, evaluator
from pulse_blocks.protocol.spec import FieldSpec
from pulse_blocks.protocol.translating import row_checks, translate

FIELDS = {
    "i": FieldSpec(type="int"),
    "j": FieldSpec(type="int", nullable=True),
    "f": FieldSpec(type="float"),
    "b": FieldSpec(type="bool"),
    "s": FieldSpec(type="category", values=("a", "it's", "ü")),
    "k": FieldSpec(type="category", values=(1, 2)),
    "a b": FieldSpec(type="float"),
}
ROW: dict[str, Any] = {"i": 2**53 + 1, "j": None, "f": 0.0, "b": True, "s": "it's", "k": 2, "a b": 1.5}


def value(text: str, **changes: Any) -> Any:
    """What an expression gives on the row."""
    row = {**ROW, **changes}
    return evaluator(translate(text, FIELDS), {name: at for at, name in enumerate(row)})(tuple(row.values()))


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("i > 9007199254740992", True),
        ("i > 9007199254740992.0", False),
        ("i = 9007199254740993", True),
        ("i between 1 and 9007199254740993", True),
        ("i not between 1 and 5", True),
        ("j > 1", None),
        ("not j > 1", None),
        ("j > 1 or b", True),
        ("j > 1 and not b", False),
        ("j > 1 and b", None),
        ("j is null and i is not null", True),
        ("coalesce(j, 7) = 7", True),
        ("j in (1, 2)", None),
        ("k in (1, 2)", True),
        ("k not in (1)", True),
        ("k = 2.0", True),
        ("s = 'it''s'", True),
        ("s in ('a', 'ü')", False),
        ("s < 'ü'", True),
        ("s <> 'a'", True),
        ("b", True),
        ("b = true", True),
        ("b = 1", True),
        ("b is not true", False),
        ("f = -0.0", True),
        ("f in (0)", True),
        ("1 / f > 1e300", True),
        ("-1 / f < -1e300", True),
        ("f / f > 1", True),  # NaN is the greatest number, as in polars
        ("f / f = f / f", True),
        ("abs(f - 2) * 3 <= 6", True),
        ('"a b" >= 1.5', True),
        ("0.1 + 0.2 = 0.3", True),  # decimals that meet decimals alone are exact
        ("i + 0 > 99999999999999999999", False),
    ],
)
def test_an_expression_has_the_meaning_of_sql(text: str, holds: bool | None) -> None:
    """Null spreads as in SQL; integers are compared exactly, everything else in floats."""
    assert value(text) is holds


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("i", "it gives an integer, not true or false"),
        ("s = 1", "text is compared with an integer"),
        ("s in (1, 2)", "text is compared with an integer"),
        ("s + 1 > 2", "text stands where a number is needed"),
        ("i and b", "an integer stands where true or false is needed"),
        ("not i", "an integer stands where true or false is needed"),
        ("j = null", "write IS NULL"),
        ("j in (1, null)", "write IS NULL"),
        ("x > 1", "there is no feature 'x'"),
        ("length(s) > 1", "LenChars is not known"),
        ("s like '%a_'", "StringExpr is not known"),
        ("i % 2 = 0", "Rem is not known"),
        ("case when b then true end", "Ternary is not known"),
        ("cast(i as varchar) = '1'", "a cast to String is not known"),
        ("max(i) > 1", "Agg is not known"),
        ("exists (select 1)", "SubPlan is not known"),
        ("f > date '2020-01-01'", "is not known"),
        ("f > 1e400", "a number is too large"),
        ("f >", "it cannot be read"),
        ("i" + " + i" * 80 + " > 1", "it is nested too deeply"),
        ("i" + " + i" * 400 + " > 1", "it is nested too deeply"),
    ],
)
def test_what_the_runtime_cannot_evaluate_is_refused(text: str, words: str) -> None:
    """With a reason and the words that it knows, never later and never silently."""
    with pytest.raises(PulseError) as refusal:
        translate(text, FIELDS)
    assert refusal.value.code == "protocol.bad_expression"
    assert words in refusal.value.message
    assert "coalesce" in str(refusal.value.hint)


def test_a_chain_is_as_long_as_a_check_may_be() -> None:
    """``and`` and ``or`` nest nothing."""
    assert value(" or ".join(["i > 1"] * 150)) is True


def test_a_tree_survives_json() -> None:
    """It lies in the bundle."""
    tree = translate("(i > 1 and not b) or s in ('a', 'ü') or f / 2.5 < j", FIELDS)
    assert msgspec.json.decode(msgspec.json.encode(tree), type=Tree) == tree


PROTOCOL = """\
pulse: 1
name: p
version: 1.0.0
task: regression
source: {datasource: d, query: select 1}
features: {low: {type: float, nullable: true}, high: {type: float}}
columns: {note: {type: string}}
target: {name: y, type: float}
checks:
  - {name: ordered, expr: low <= high}
  - {expr: high < 9}
  - {expr: high < 5, severity: warn}
  - {expr: upper(note) = note}
  - {expr: low <= y}
training: {}
"""


def test_a_request_is_held_to_errors_over_features_alone() -> None:
    """Neither to warnings nor to what it cannot hold; null passes; every broken check is named."""
    checks = row_checks(loading.loads(PROTOCOL))
    assert [check.name for check in checks] == ["ordered", "high < 9"]
    refusal = checker(["high", "low"], checks)
    assert refusal((8.0, 8.0)) is None
    assert refusal((8.0, None)) is None
    assert refusal((9.0, 10.0)) == (
        "low and high together do not pass the check ordered (low <= high). "
        "high does not pass the check high < 9."
    )


@pytest.mark.parametrize(
    "tree",
    [Column("nowhere"), Operation("=", (Column("x"),)), Operation("<", ()), Operation("in", ())],
)
def test_a_tree_that_does_not_fit_is_refused_at_once(tree: Tree) -> None:
    """A bundle of another protocol is refused when it is loaded, not when it is asked."""
    with pytest.raises(PulseError, match="The check odd does not fit the features"):
        checker(["x"], [RowCheck(name="odd", text="odd", columns=("x",), tree=tree)])


def test_a_check_of_a_protocol_says_what_the_runtime_cannot_do() -> None:
    """``pulse check`` names the place; a warning or a check on other columns may use all of SQL."""
    text = PROTOCOL.replace("low <= high", "round(low) <= high")
    with pytest.raises(PulseError, match=r"checks\[0\].expr: The runtime cannot evaluate it"):
        loading.loads(text)
    loading.loads(text.replace("round(low) <= high", "round(low) <= high, severity: warn"))


def test_the_runtime_needs_no_parser() -> None:
    """Evaluating trees imports neither polars nor anything else that is heavy."""
    code = (
        "import sys, pulse_blocks.protocol.expressions, pulse_blocks.bundle;"
        "heavy = {'polars', 'numpy', 'ruamel'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=root)
    assert done.returncode == 0, done.stderr
