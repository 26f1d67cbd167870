"""What stands beside the types: window, JSON Schema, patterns, SQL, metrics and LightGBM's parameters."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest

from pulse_blocks.errors import ProtocolError, PulseError
from pulse_blocks.protocol import lightgbm_params, loading, metrics, patterns, sql
from pulse_blocks.protocol.schema import DIALECT, json_schema
from pulse_blocks.protocol.window import resolve
from pulse_blocks.records import Window

NOW = dt.datetime(2013, 6, 1, 12, 30, 15, 999_999, tzinfo=dt.UTC)


def test_a_fixed_window_is_utc(sound: str) -> None:
    """Dates begin at midnight UTC; times with a zone are converted."""
    protocol = loading.loads(sound)
    assert resolve(protocol, None, None, NOW) == Window(
        start="2013-01-01T00:00:00Z", end="2013-04-01T00:00:00Z"
    )
    assert resolve(protocol, "2013-02-01T00:00:00+02:00", None, NOW) == Window(
        start="2013-01-31T22:00:00Z", end="2013-04-01T00:00:00Z"
    )


def test_a_last_window_ends_now_cut_to_the_second(sound: str) -> None:
    """It reaches back from now, or from the end that a run asks for."""
    protocol = loading.loads(sound.replace("{start: 2013-01-01, end: 2013-04-01}", "{last: 90d}"))
    assert resolve(protocol, None, None, NOW) == Window(
        start="2013-03-03T12:30:15Z", end="2013-06-01T12:30:15Z"
    )
    assert resolve(protocol, None, "2013-04-01", NOW) == Window(
        start="2013-01-01T00:00:00Z", end="2013-04-01T00:00:00Z"
    )
    assert resolve(protocol, "2013-05-01", None, NOW) == Window(
        start="2013-05-01T00:00:00Z", end="2013-06-01T12:30:15Z"
    )


def test_a_last_window_longer_than_the_calendar_begins_with_it(sound: str) -> None:
    """No duration of the language makes the resolver fail."""
    protocol = loading.loads(sound.replace("{start: 2013-01-01, end: 2013-04-01}", "{last: 9999999d}"))
    window = resolve(protocol, None, None, NOW)
    assert window is not None
    assert window.start.endswith("-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("start", "end", "code"),
    [
        ("2013-04-01", None, "protocol.window_empty"),
        (None, "2012-01-01", "protocol.window_empty"),
        ("yesterday", None, "protocol.bad_time"),
        ("", None, "protocol.bad_time"),
        ("0001-01-01T00:00:00+23:00", None, "protocol.bad_time"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused(sound: str, start: str, end: str, code: str) -> None:
    """Neither an empty interval nor a time that is none reaches the source."""
    with pytest.raises(PulseError) as caught:
        resolve(loading.loads(sound), start, end, NOW)
    assert caught.value.code == code


def test_a_query_without_window_takes_none(sound: str) -> None:
    """Without a window there is nothing to resolve, and asking for one is an error."""
    text = sound.replace("  window: {start: 2013-01-01, end: 2013-04-01}\n", "")
    text = text.replace("select * from flights where scheduled >= :start and scheduled < :end", "select 1")
    protocol = loading.loads(text)
    assert resolve(protocol, None, None, NOW) is None
    with pytest.raises(PulseError) as caught:
        resolve(protocol, "2013-01-01", None, NOW)
    assert caught.value.code == "protocol.no_window"


def _plain(value: Any) -> Any:
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).load(value)


def test_the_json_schema_accepts_what_the_loader_accepts(sound: str) -> None:
    """The schema is valid 2020-12 and takes a sound protocol; an unknown key it refuses."""
    from jsonschema import Draft202012Validator

    schema = json_schema()
    assert schema["$schema"] == DIALECT
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    text = sound.replace("start: 2013-01-01, end: 2013-04-01", "start: '2013-01-01', end: '2013-04-01'")
    assert list(validator.iter_errors(_plain(text))) == []
    assert list(validator.iter_errors(_plain(text + "tagret: 1\n")))
    assert list(validator.iter_errors(_plain(text.replace("name: flight-delay", "name: ../x"))))


def test_every_section_of_the_json_schema_explains_itself() -> None:
    """An editor shows a description for each section, without Python's names, markup and indentation."""
    for name, section in json_schema()["$defs"].items():
        assert section["description"].endswith("."), name
        assert "``" not in section["description"]
        assert "\n " not in section["description"]
        assert not section["title"].endswith("Spec")


@pytest.mark.parametrize(
    ("pattern", "python"),
    [
        ("^a$", r"^a\Z"),
        (r"\$$", r"\$\Z"),
        ("[$]$", r"[$]\Z"),
        ("[]$]$", r"[]$]\Z"),
        ("[^]$]", "[^]$]"),
        ("[a[]$", r"[a[]\Z"),
        (r"[\]$]$", r"[\]$]\Z"),
        ("a$|b$", r"a\Z|b\Z"),
    ],
)
def test_the_end_of_a_pattern_is_the_end_of_the_text(pattern: str, python: str) -> None:
    """Only a dollar sign that means the end is rewritten."""
    assert patterns.for_python(pattern) == python


SIGNS = [chr(code) for code in (*range(0x500), 0x660, 0x1C5, 0x2028, 0x212A, 0xFF21, 0x1D7CE, 0x1F600)]


@pytest.mark.parametrize(
    "pattern",
    [
        r"^\w$",
        r"^\W$",
        r"^[\w-]$",
        r"^\d$",
        r"^\D$",
        r"^\s$",
        r"^\S$",
        r"^[^\s\d]$",
        r"a\b",
        r"\ba",
        "^.$",
        "^[^a]$",
        "ü$",
    ],
)
def test_both_engines_read_a_pattern_alike(pattern: str) -> None:
    """Classes are ASCII: a combining sign, a fullwidth letter or an Arabic digit is the same to both."""
    import polars as pl

    texts = [*SIGNS, *(sign + "a" for sign in SIGNS), *("a" + sign for sign in SIGNS), ""]
    by_rust = pl.Series(texts).str.contains(patterns.for_rust(pattern)).to_list()
    assert [bool(re.search(patterns.for_python(pattern), text)) for text in texts] == by_rust
    assert patterns.fault(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(?m)^a$", "only i and s"),
        ("(?x)a b", "only i and s"),
        ("(?i:a)(?im:b)", "only i and s"),
        (r"\<a", "every engine"),
        (r"\B", "every engine"),
        ("a*+", "after *"),
        ("a{2}+", "after {2}"),
        ("a{ 2}", "no count"),
        ("a{,2}", "no count"),
        (r"\b{start}a", "no count"),
        ("[a[b]c]", "backslash"),
        ("[[:alpha:]]", "backslash"),
        ("[a-z&&b]", "one engine only"),
        ("[a--b]", "one engine only"),
        (r"[\W]", "write [^...]"),
    ],
)
def test_what_two_engines_read_differently_is_refused(pattern: str, words: str) -> None:
    """A pattern never means one thing for the data and another for requests."""
    assert words in str(patterns.fault(pattern))
    text = PATTERN.replace("PATTERN", pattern.replace("'", "''"))
    with pytest.raises(ProtocolError, match="The pattern cannot be used"):
        loading.loads(text)


def test_only_the_turkish_i_depends_on_the_engine() -> None:
    """Without regard to case Python takes the dotted capital and the dotless small i for i, Rust does not."""
    import polars as pl

    every = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    by_rust = pl.Series(every).str.contains(patterns.for_rust("(?i)^[a-z]$")).to_list()
    python = re.compile(patterns.for_python("(?i)^[a-z]$"))
    differing = [
        sign for sign, found in zip(every, by_rust, strict=True) if found != bool(python.search(sign))
    ]
    assert differing == ["\u0130", "\u0131"]


PATTERN = """\
pulse: 1
name: p
version: 1.0.0
task: regression
source: {datasource: d, query: select 1}
features: {x: {type: float}}
columns: {s: {type: string, pattern: 'PATTERN'}}
target: {name: y, type: float}
training: {}
"""


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a >= :start and b < :end", {"start", "end"}),
        ("a::date = ':start' -- :end\n/* :x */ and \":y\" = `:z`", set()),
        ("'it''s :start' || :end", {"end"}),
        ("/* never closed :start", set()),
        ("12:30", set()),
    ],
)
def test_parameters_of_a_query(text: str, names: set[str]) -> None:
    """A parameter is one outside of literals, quoted names, comments and casts."""
    assert sql.parameters(text) == names


def test_metrics_of_gates_and_monitoring_need_not_be_listed(sound: str) -> None:
    """What a gate or the monitoring asks for is computed too; without a list all of the task's are."""
    text = sound.replace("metric: roc_auc", "metric: recall")
    text += "monitoring: {performance: {metric: log_loss, max_drop: 0.1}}\n"
    assert metrics.computed(loading.loads(text)) == ("accuracy", "roc_auc", "recall", "log_loss")
    everything = loading.loads(sound.replace("  metrics: [accuracy, roc_auc]\n", ""))
    assert metrics.computed(everything) == metrics.METRICS["binary-classification"]
    assert {name for names in metrics.METRICS.values() for name in names} >= metrics.LESS_IS_BETTER


def test_the_table_of_parameters_is_lightgbms_own() -> None:
    """Every parameter and every alias of the installed LightGBM resolves, and no other name does."""
    from lightgbm.basic import _ConfigAliases

    table = _ConfigAliases._get_all_param_aliases()
    known = set(table) | {alias for aliases in table.values() for alias in aliases}
    assert set(lightgbm_params._FIRST_NAMES) == known
    for name, aliases in table.items():
        assert {lightgbm_params.resolve(alias) for alias in (name, *aliases)} == {name}
    assert not set(lightgbm_params.OWNED) & lightgbm_params.TUNABLE
    assert lightgbm_params.resolve("num_leafs") is None
