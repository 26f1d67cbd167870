"""Contradictions across keys are found with line, column and path; what looks odd but is sound is let through."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from pulse_blocks.errors import Problem

Check = Callable[[str], tuple[Problem, ...]]
Change = Callable[[str, str], tuple[Problem, ...]]
QUERY = "select * from flights where scheduled >= :start and scheduled < :end"
TARGET = "target: {name: late, type: bool}"
SPLIT = "split: {by: time, test: 0.2}"
BINARY = "task: binary-classification"


def test_the_sound_protocol_has_no_problems(problems: Check, sound: str) -> None:
    """The starting point of all tests here is sound."""
    assert problems(sound) == ()


@pytest.mark.parametrize(
    ("old", "new", "path", "code"),
    [
        # one column for itself
        ("ge: 1, le: 12", "ge: 13, le: 12", "features.month.ge", "empty_range"),
        ("ge: 1, le: 12", "gt: 11, lt: 12", "features.month.gt", "empty_range"),
        ("ge: 1, le: 12", f"gt: {2**63 - 1}", "features.month.gt", "empty_range"),
        ("ge: 1, le: 12", "ge: 0.5", "features.month.ge", "wrong_type"),
        ("ge: 0, le: 6000", "gt: 5, lt: 5", "features.distance.gt", "empty_range"),
        ("ge: 0, le: 6000", "ge: 5, lt: 5", "features.distance.ge", "empty_range"),
        ("ge: 0, le: 6000", "ge: 5, gt: 5", "features.distance.gt", "two_bounds"),
        ("night: {type: bool", "night: {type: bool, ge: 0", "features.night.ge", "not_for_type"),
        ("night: {type: bool", "night: {type: bool, values: [1]", "features.night.values", "not_for_type"),
        ("night: {type: bool", "night: {type: bool, pattern: x", "features.night.pattern", "not_for_type"),
        ("night: {type: bool", "night: {type: bool, max_length: 1", "features.night.max_length", "not_for_type"),
        (", values: [AA, UA, NO]", "", "features.carrier.values", "missing_key"),
        ("[AA, UA, NO]", "[]", "features.carrier.values", "too_few"),
        ("[AA, UA, NO]", "[AA, UA, AA]", "features.carrier.values[2]", "duplicate_value"),
        ("[AA, UA, NO]", "[AA, 1]", "features.carrier.values", "mixed_values"),
        ("'^[A-Z0-9]{5,6}$'", "'('", "columns.tailnum.pattern", "bad_pattern"),
        ("'^[A-Z0-9]{5,6}$'", "'(?=a)'", "columns.tailnum.pattern", "bad_pattern"),
        ("'^[A-Z0-9]{5,6}$'", "'(a)\\1'", "columns.tailnum.pattern", "bad_pattern"),
        ("'^[A-Z0-9]{5,6}$'", f"'{'(' * 900}'", "columns.tailnum.pattern", "bad_pattern"),
        ("'^[A-Z0-9]{5,6}$'", f"'{'a' * 1001}'", "columns.tailnum.pattern", "bad_pattern"),
        ("'^[A-Z0-9]{5,6}$'", "'(a{1000}){1000}{1000}'", "columns.tailnum.pattern", "bad_pattern"),
        (
            "type: string,",
            "type: string, min_length: 3, max_length: 2,",
            "columns.tailnum.min_length",
            "empty_range",
        ),
        # columns and their roles
        ("night: {type: bool", "night: {type: timestamp", "features.night.type", "not_for_type"),
        ("night: {type: bool", "night: {type: string", "features.night.type", "not_for_type"),
        ("  night:", "  late:", "features.late", "leak"),
        ("  night:", "  scheduled:", "features.scheduled", "not_for_type"),
        ("  departure:", "  late:", "columns.late", "duplicate_column"),
        ("  departure:", "  carrier:", "columns.carrier", "duplicate_column"),
        ("columns:\n", "columns:\n  scheduled: {type: string}\n", "columns.scheduled.type", "not_for_type"),
        ("name: late", "name: scheduled", "target.name", "duplicate_column"),
        ("key: [flight_id]", "key: [late]", "target.name", "duplicate_column"),
        ("key: [flight_id]", "key: [flight_id, flight_id]", "source.key[1]", "duplicate_value"),
        # the target and the task
        (TARGET, "target: {name: late, type: float}", "target.type", "not_for_task"),
        (TARGET, "target: {name: late, type: bool, values: [0, 1]}", "target.values", "not_for_type"),
        (TARGET, "target: {name: late, type: int, values: [1, 2]}", "target.values", "not_for_task"),
        (TARGET, "target: {name: late, type: category}", "target.values", "missing_key"),
        (TARGET, "target: {name: late, type: category, values: [a]}", "target.values", "not_for_task"),
        (TARGET, "target: {name: late, type: category, values: [a, a]}", "target.values[1]", "duplicate_value"),
        (BINARY, "task: multiclass-classification", "target.type", "not_for_task"),
        (BINARY, "task: regression", "target.type", "not_for_task"),
        (TARGET, f"{TARGET}\noutput: {{value: {{ge: 0}}}}", "output.value", "not_for_task"),
        (TARGET, f"{TARGET}\noutput: {{probability: {{ge: -1}}}}", "output.probability.ge", "out_of_range"),
        (
            TARGET,
            f"{TARGET}\noutput: {{probability: {{ge: 0.9, le: 0.1}}}}",
            "output.probability.ge",
            "empty_range",
        ),
        # the query and its window
        (QUERY, '" "', "source.query", "empty"),
        (QUERY, "select 1", "source.query", "window_unused"),
        (QUERY, "\"select ':start' -- :end\"", "source.query", "window_unused"),
        (QUERY, f"{QUERY} and x = :today", "source.query", "unbound_parameter"),
        ("  window: {start: 2013-01-01, end: 2013-04-01}\n", "", "source.query", "unbound_parameter"),
        ("start: 2013-01-01", "start: 2013-13-01", "source.window.start", "bad_time"),
        ("start: 2013-01-01", "start: 2013-04-01", "source.window.end", "empty_range"),
        ("start: 2013-01-01, ", "", "source.window", "missing_key"),
        ("{start: 2013-01-01, end: 2013-04-01}", "{}", "source.window", "missing_key"),
        ("start: 2013-01-01", "last: 90d", "source.window.end", "two_windows"),
        ("  time: scheduled\n", "", "training.split.by", "needs_time"),
        ("  time: scheduled\n", "", "checks[3].fresh", "needs_time"),
        # checks
        ("{unique: [flight_id]}", "{unique: [flight]}", "checks[1].unique[0]", "unknown_column"),
        ("{unique: [flight_id]}", "{unique: []}", "checks[1].unique", "too_few"),
        ("{unique: [flight_id]}", "{name: x}", "checks[1]", "one_kind"),
        ("{unique: [flight_id]}", "{unique: [flight_id], rows: {ge: 1}}", "checks[1]", "one_kind"),
        ("{unique: [flight_id]}", "{name: arrives-after-departure, rows: {ge: 1}}",
         "checks[1].name", "duplicate_value"),
        ("rows: {ge: 1000}", "rows: {}", "checks[2].rows", "missing_key"),
        ("rows: {ge: 1000}", "rows: {ge: 2, le: 1}", "checks[2].rows.ge", "empty_range"),
        ("expr: arrival >= departure", "expr: arival >= departure", "checks[0].expr", "unknown_column"),
        ("expr: arrival >= departure", "expr: arrival >=", "checks[0].expr", "bad_expression"),
        ("expr: arrival >= departure", "expr: distance", "checks[0].expr", "bad_expression"),
        ("expr: arrival >= departure", "expr: arrival > '2013'", "checks[0].expr", "bad_expression"),
        ("expr: arrival >= departure", "expr: max(distance) > 3", "checks[0].expr", "bad_expression"),
        ("expr: arrival >= departure", "expr: distance > avg(distance) over (partition by carrier)",
         "checks[0].expr", "bad_expression"),
        *(
            ("expr: arrival >= departure", f"expr: {expr!r}, severity: warn", "checks[0].expr", "bad_expression")
            for expr in (
                "distance <= 3 * avg(distance)", "distance = max(distance)", "distance >= first(distance)",
                "distance < sum(distance)", "distance < 3 * stddev(distance)", "distance > median(distance)",
                "distance > quantile_cont(distance, 0.5)", "coalesce(distance, avg(distance)) > 1",
                "case when max(distance) > 1 then night else true end", "distance in (1, max(distance))",
                "distance > 1 and count(*) > 1", "count(distinct distance) < distance", "sum(1) > distance",
                "row_number() over () > 1", "unnest(tailnum) = 'a'", "distance > corr(distance, distance)",
                "1 = 1",
            )
        ),
        ("expr: arrival >= departure", "expr: greatest() > 1", "checks[0].expr", "bad_expression"),
        ("expr: arrival >= departure", "expr: 'distance::decimal(99,99) > 1'", "checks[0].expr", "bad_expression"),
        ("expr: arrival >= departure", "expr: select 1", "checks[0].expr", "bad_expression"),
        ("expr: arrival >= departure", "expr: read_csv('/etc/passwd')", "checks[0].expr", "bad_expression"),
        ("expr: arrival >= departure", "expr: __import__('os').getcwd()", "checks[0].expr", "bad_expression"),
        ("expr: arrival >= departure", f"expr: {'(' * 900}", "checks[0].expr", "bad_expression"),
        ("expr: arrival >= departure", f"expr: {'not ' * 400} night", "checks[0].expr", "bad_expression"),
        ("expr: arrival >= departure", f"expr: {'a' * 2001}", "checks[0].expr", "too_long"),
        # training
        ("[accuracy, roc_auc]", "[acuracy]", "training.metrics[0]", "unknown_metric"),
        ("[accuracy, roc_auc]", "[roc_auc, roc_auc]", "training.metrics[1]", "duplicate_value"),
        ("metric: roc_auc, at", "metric: rmse, at", "training.gates[0].metric", "unknown_metric"),
        (", at_least: 0.7", "", "training.gates[0]", "one_kind"),
        (", at_least: 0.7", ", at_least: 0.7, at_most: 0.9", "training.gates[0]", "one_kind"),
        ("num_leaves: 63", "num_leafs: 63", "training.params.num_leafs", "unknown_parameter"),
        ("num_leaves: 63", "eta: 1, learning_rate: 1", "training.params.learning_rate", "duplicate_value"),
        ("num_leaves: 63", "boosting: 'dart machines=x'", "training.params.boosting", "bad_format"),
        ("num_leaves: 63", 'boosting: "dart\\nmachines=x"', "training.params.boosting", "bad_format"),
        ('"0 3 * * 1"', '"0 3 * *"', "training.schedule", "bad_schedule"),
        ('"0 3 * * 1"', '"61 3 * * 1"', "training.schedule", "bad_schedule"),
        ('"0 3 * * 1"', '"0 3 30 2 *"', "training.schedule", "bad_schedule"),
        ('"0 3 * * 1"', '"@reboot"', "training.schedule", "bad_schedule"),
        ('"0 3 * * 1"', '"0 0 0 3 * * 1"', "training.schedule", "bad_schedule"),
        # monitoring
        ("pulse: 1", "pulse: 1\nmonitoring: {window: {}}", "monitoring.window", "one_kind"),
        ("pulse: 1", "pulse: 1\nmonitoring: {window: {days: 1, rows: 900}}", "monitoring.window", "one_kind"),
        ("pulse: 1", "pulse: 1\nmonitoring: {window: {rows: 10}}", "monitoring.window.rows", "empty_range"),
        ("pulse: 1", "pulse: 1\nmonitoring: {schedule: x}", "monitoring.schedule", "bad_schedule"),
        (
            "pulse: 1",
            "pulse: 1\nmonitoring: {performance: {metric: r2, max_drop: 0.1}}",
            "monitoring.performance.metric",
            "unknown_metric",
        ),
    ],
)  # fmt: skip
def test_a_contradiction_is_found_at_its_path(
    change: Change, old: str, new: str, path: str, code: str
) -> None:
    """Each contradiction gives a problem with its path, a stable code and a place inside of the file."""
    found = change(old, new)
    assert (path, f"protocol.{code}") in [(p.path, p.code) for p in found]
    assert all(p.line > 1 or p.column > 1 or p.path.startswith("monitoring") for p in found)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ge: 1, le: 12", "gt: 0, lt: 2"),
        ("ge: 0, le: 6000", "ge: 5, le: 5"),
        ("[AA, UA, NO]", "[1, 2, 3]"),
        ("expr: arrival >= departure", "expr: \"distance in (1, 2) or carrier = 'AA' and night\""),
        ("expr: arrival >= departure", 'expr: "coalesce(distance, 1) > 0 -- over (x)"'),
        ("expr: arrival >= departure", "expr: 'greatest(distance, 3 * abs(distance)) > 0 or tailnum is null'"),
        ("expr: arrival >= departure", "expr: upper(tailnum) like 'N%' and length(tailnum) < 9"),
        ("expr: arrival >= departure", "expr: extract(year from arrival) > 2000"),
        ("expr: arrival >= departure", "expr: tailnum <> ' over (' or tailnum is null"),
        (QUERY, f"{QUERY} and x::text <> ':nothing' -- :nobody"),
        ("{start: 2013-01-01, end: 2013-04-01}", "{last: 90d}"),
        ("{start: 2013-01-01, end: 2013-04-01}", "{start: '2013-01-01T06:00:00+02:00', end: '2013-04-01 01:00'}"),
        ("key: [flight_id]", "key: [flight_id, carrier]"),
        (TARGET, "target: {name: late, type: int}"),
        (TARGET, "target: {name: late, type: category, values: ['no', 'yes']}"),
        ("[accuracy, roc_auc]", "[]"),
        ("num_leaves: 63", "eta: 0.1, interaction_constraints: '[0,1],[2]', lambda: 1"),
        ('"0 3 * * 1"', '"*/15 0-6,9 1 JAN-MAR sun"'),
        ("pulse: 1", "pulse: 1\nmonitoring: {window: {rows: 500}}"),
    ],
)  # fmt: skip
def test_what_is_sound_is_let_through(change: Change, old: str, new: str) -> None:
    """A check that refuses good protocols is worse than none."""
    assert change(old, new) == ()


@pytest.mark.parametrize(
    ("target", "output"),
    [
        ("{name: late, type: float}", "{value: {ge: 0}}"),
        ("{name: late, type: int}", "{value: {ge: 0, le: 9}}"),
    ],
)
def test_a_regression_has_a_value(problems: Check, sound: str, target: str, output: str) -> None:
    """A regression predicts a number within bounds and has metrics of its own."""
    text = sound.replace(BINARY, "task: regression").replace(TARGET, f"target: {target}\noutput: {output}")
    text = text.replace("[accuracy, roc_auc]", "[rmse, mae, r2]").replace(
        "metric: roc_auc, at_least: 0.7", "metric: rmse, at_most: 9"
    )
    assert problems(text) == ()


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("{name: late, type: category, values: [a, b, c]}", None),
        ("{name: late, type: int, values: [1, 2, 3]}", None),
        ("{name: late, type: int}", "missing_key"),
        ("{name: late, type: int, values: ['1', '2']}", "wrong_type"),
        ("{name: late, type: category, values: [a]}", "too_few"),
    ],
)
def test_several_classes_are_named(problems: Check, sound: str, target: str, code: str | None) -> None:
    """A multiclass target names its classes: a category or integers, two at least."""
    text = sound.replace(BINARY, "task: multiclass-classification").replace(TARGET, f"target: {target}")
    text = text.replace("roc_auc", "log_loss")
    assert [p.code for p in problems(text)] == ([f"protocol.{code}"] if code else [])


def test_a_decision_by_threshold_is_for_two_classes(problems: Check, sound: str) -> None:
    """A threshold that nothing uses is refused, not ignored."""
    text = sound.replace(BINARY, "task: regression").replace(
        TARGET, "target: {name: late, type: float}\noutput: {decision: {threshold: 0.5}}"
    )
    text = text.replace("[accuracy, roc_auc]", "[rmse]").replace("metric: roc_auc", "metric: rmse")
    assert [(p.path, p.code) for p in problems(text)] == [("output.decision", "protocol.not_for_task")]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("objective", "task"),
        ("app", "task"),
        ("seed", "training.seed"),
        ("random_state", "training.seed"),
        ("data_random_seed", "training.seed"),
        ("num_threads", "training.resources.cpu"),
        ("n_jobs", "training.resources.cpu"),
        ("num_iterations", "training.rounds"),
        ("n_estimators", "training.rounds"),
        ("metric", "training.metrics"),
        ("machines", "training.resources.workers"),
        ("mlist", "training.resources.workers"),
        ("nodes", "training.resources.workers"),
        ("local_listen_port", "training.resources.workers"),
        ("data", "source"),
        ("valid_data_file", "source"),
        ("forcedsplits_filename", "source"),
        ("fs", "source"),
        ("input_model", "pipeline"),
        ("model_out", "pipeline"),
        ("config_file", "pipeline"),
        ("snapshot_freq", "pipeline"),
        ("convert_model_file", "pipeline"),
        ("output_result", "pipeline"),
    ],
)
def test_parameters_that_pulse_owns_are_refused_by_any_name(change: Change, name: str, hint: str) -> None:
    """Nothing that names a file, a machine, a seed or the task goes around the protocol's own keys."""
    (problem,) = change("num_leaves: 63", f"{name}: x")
    assert problem.path == f"training.params.{name}"
    assert problem.code == "protocol.owned_parameter"
    assert hint in str(problem.hint)


def test_several_contradictions_come_at_once_in_the_order_of_the_file(problems: Check, sound: str) -> None:
    """Problems of different rules are sorted by their place."""
    text = sound.replace("ge: 1, le: 12", "ge: 13, le: 12").replace("end: 2013", "end: 2012")
    text = text.replace('"0 3 * * 1"', "never").replace("  night:", "  late:")
    found = problems(text)
    assert [p.path for p in found] == [
        "source.window.end",
        "features.month.ge",
        "features.late",
        "training.schedule",
    ]
    assert [(p.line, p.column) for p in found] == [(8, 36), (14, 26), (15, 3), (33, 13)]


def test_a_protocol_without_expressions_and_patterns_needs_no_polars() -> None:
    """Polars costs a third of a second: it is imported only where something has to be parsed by it."""
    code = (
        "import sys; from pathlib import Path; from pulse_blocks.protocol import loading;"
        "loading.load(Path('protocols/fraud-detector.yaml'));"
        "heavy = {'polars', 'lightgbm', 'prefect', 'pandas', 'numpy'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
