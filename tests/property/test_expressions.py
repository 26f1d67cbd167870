"""One meaning of an expression: the runtime's evaluator, whole columns, and polars' own reading of the SQL."""

from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pulse_blocks.protocol.expressions import evaluator
from pulse_blocks.protocol.spec import FieldSpec
from pulse_blocks.protocol.translating import translate
from pulse_blocks.validation.expressions import as_polars

WORDS = ("a", "b", "", "ü", "😀", "it's", "A")
FIELDS = {
    "f": FieldSpec(type="float"),
    "a b": FieldSpec(type="float"),
    "i": FieldSpec(type="int"),
    "j": FieldSpec(type="int"),
    "t": FieldSpec(type="bool"),
    "s": FieldSpec(type="category", values=WORDS),
    "k": FieldSpec(type="category", values=(1, 2, 3)),
}
TYPES = {
    "f": pl.Float64, "a b": pl.Float64, "i": pl.Int64, "j": pl.Int64,
    "t": pl.Boolean, "s": pl.String, "k": pl.Int64,
}  # fmt: skip
NAMES = list(FIELDS)

whole = st.sampled_from([0, 1, -1, 2, 3, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)])
floats = st.sampled_from(
    [0.0, -0.0, 1.0, -1.5, 0.1, 2.0**53, 1e308, -1e308, 5e-324, float("inf"), float("-inf")]
)
records = st.fixed_dictionaries(
    {
        "f": st.none() | floats | st.floats(allow_nan=False),
        "a b": st.none() | floats,
        "i": st.none() | whole | st.integers(-(2**63), 2**63 - 1),
        "j": st.none() | whole,
        "t": st.none() | st.booleans(),
        "s": st.none() | st.sampled_from(WORDS),
        "k": st.none() | st.sampled_from([1, 2, 3]),
    }
)
literals = st.sampled_from(["0", "1", "-1", "2", "0.1", "-1.5", "0.5", "1e308", "9007199254740993", "3.0"])
integers = st.sampled_from(["0", "1", "-1", "9007199254740993", "-9007199254740993", "9223372036854775807"])
texts = st.sampled_from(["'" + word.replace("'", "''") + "'" for word in WORDS])
signs = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])
# An integer meets an integer literal, everything else a column of floats: decimals among decimals are another
# arithmetic in polars' SQL, and integers beyond 64 bits wrap around there.
columns = st.sampled_from(["f", '"a b"', "cast(i as double)", "abs(f)", "coalesce(f, 1)", "-f"])
numbers: st.SearchStrategy[str] = st.recursive(
    columns,
    lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner | literals),
    max_leaves=4,
)


def listed(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """An IN list."""
    return st.lists(values, min_size=1, max_size=4).map(", ".join)


simple = st.one_of(
    st.builds("{} {} {}".format, numbers, signs, numbers | literals),
    st.builds("{} {} {}".format, st.sampled_from(["i", "j", "k"]), signs, st.just("i") | integers),
    st.builds("i {} f".format, signs),
    st.builds("s {} {}".format, signs, texts),
    st.builds("s {} in ({})".format, st.sampled_from(["", "not"]), listed(texts)),
    st.builds("i {} in ({})".format, st.sampled_from(["", "not"]), listed(integers)),
    st.builds("f {} in ({})".format, st.sampled_from(["", "not"]), listed(literals)),
    st.builds("f {} between {} and {}".format, st.sampled_from(["", "not"]), literals, numbers),
    st.builds("{} is {} null".format, st.sampled_from(["f", "s", "t", "i"]), st.sampled_from(["", "not"])),
    st.sampled_from(["t", "t = true", "t is not true", "t = 1", "true", "i = i"]),
)
expressions: st.SearchStrategy[str] = st.recursive(
    simple,
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("not ({})".format, inner),
        st.builds("({}) = ({})".format, inner, inner),
    ),
    max_leaves=6,
)


def test_the_sign_of_zero() -> None:
    """It is turned as in a column of more than one row; polars has another zero for a single one."""
    text = "t and (f = f and f < ((f + 1) / -f))"
    tree = translate(text, FIELDS)
    row = {**dict.fromkeys(NAMES), "t": True, "f": 0.0}
    frame = pl.DataFrame([row, row], schema=TYPES)
    alone = evaluator(tree, {name: position for position, name in enumerate(NAMES)})(
        [row[name] for name in NAMES]
    )
    for expression in (as_polars(tree), pl.sql_expr(text)):
        assert (
            frame.with_columns(holds=expression).get_column("holds").to_list()
            == [alone, alone]
            == [False, False]
        )


@settings(max_examples=400, deadline=None)
@given(expressions, st.lists(records, min_size=20, max_size=20))
def test_three_readings_agree(text: str, rows: list[dict[str, Any]]) -> None:
    """True, false or null: the same for each record alone, for a column from the tree, and from the SQL."""
    tree = translate(text, FIELDS)
    evaluate = evaluator(tree, {name: position for position, name in enumerate(NAMES)})
    alone = [evaluate([row[name] for name in NAMES]) for row in rows]
    frame = pl.DataFrame(rows, schema=TYPES)
    by_tree = frame.with_columns(holds=as_polars(tree)).get_column("holds").to_list()
    by_sql = frame.with_columns(holds=pl.sql_expr(text)).get_column("holds").to_list()
    assert alone == by_tree, text
    assert alone == by_sql, text
