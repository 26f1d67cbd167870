"""A file becomes a Protocol or a list of every problem with its place."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pulse_blocks.errors import Problem, ProtocolError, PulseError
from pulse_blocks.protocol import loading
from pulse_blocks.settings import Workspace

Check = Callable[[str], tuple[Problem, ...]]
Change = Callable[[str, str], tuple[Problem, ...]]
PROTOCOLS = Path(__file__).parents[3] / "protocols"


@pytest.mark.parametrize("name", ["flight-delay", "fraud-detector"])
def test_the_projects_own_protocols_are_sound(name: str) -> None:
    """Both protocols that Pulse ships load, and keep their name."""
    assert loading.load(PROTOCOLS / f"{name}.yaml").name == name


def test_words_that_older_yaml_took_for_booleans_are_text(sound: str) -> None:
    """YAML 1.2: the category NO is a string, and so is the date of the window."""
    protocol = loading.loads(sound)
    assert protocol.features["carrier"].values == ("AA", "UA", "NO")
    assert protocol.source.window is not None
    assert protocol.source.window.start == "2013-01-01"


def test_comments_and_defaults_do_not_change_the_digest(sound: str) -> None:
    """A digest names the contract, not its spelling."""
    spelled_out = "# a comment\n" + sound + "serving: {queue: 1024, batch: {max_rows: 64}}\n"
    assert loading.loads(spelled_out).digest == loading.loads(sound).digest


def test_all_problems_come_at_once_in_the_order_of_the_file(problems: Check, sound: str) -> None:
    """An unknown key, a wrong type, a missing and a duplicate key are found in one go, each at its place."""
    text = (
        sound.replace("distance: {type: float, ge: 0", "distance: {type: flaot, ge: zero")
        .replace("task: binary-classification\n", "")
        .replace("target:", "tagret:")
        .replace("month:", "distance:")
    )
    found = [(p.line, p.column, p.path, p.code, p.hint) for p in problems(text)]
    assert found == [
        (1, 1, "task", "protocol.missing_key", "Add 'task' here."),
        (1, 1, "target", "protocol.missing_key", "Add 'target' here."),
        (11, 20, "features.distance.type", "protocol.not_allowed", "Did you mean 'float'?"),
        (11, 31, "features.distance.ge", "protocol.wrong_type", None),
        (
            13,
            3,
            "features.distance",
            "protocol.duplicate_key",
            "Remove or rename one of the two.",
        ),
        (20, 1, "tagret", "protocol.unknown_key", "Did you mean 'target'?"),
    ]
    assert str(problems(text)[-1]).startswith("p.yaml:20:1: tagret: There is no key 'tagret' here.")


@pytest.mark.parametrize(
    ("old", "new", "path", "code"),
    [
        ("version: 1.0.0", "version: 1.0", "version", "wrong_type"),
        ("version: 1.0.0", "version: v1", "version", "bad_format"),
        ("name: flight-delay", "name: ../../etc/passwd", "name", "bad_format"),
        ("name: flight-delay", f"name: {'a' * 64}", "name", "too_long"),
        ("name: flight-delay", 'name: "a\\n"', "name", "bad_format"),
        ("name: flight-delay", 'name: "a\\0"', "", "bad_character"),
        ("name: flight-delay", 'name: "\\ud800"', "", "bad_character"),
        ("datasource: flights", "datasource: a/b", "source.datasource", "bad_format"),
        ("pulse: 1", "pulse: 0", "pulse", "wrong_type"),
        ("pulse: 1", "pulse: 2", "pulse", "newer"),
        ("pulse: 1", "pulse: true", "pulse", "wrong_type"),
        ("key: [flight_id]", "key: flight_id", "source.key", "wrong_type"),
        ("key: [flight_id]", "key: ['']", "source.key[0]", "too_short"),
        ("  month:", "  'mo\"nth':", 'features["mo\\"nth"]', "bad_format"),
        ("  month:", "  ? [a]\n  :", "features", "wrong_type"),
        ("le: 12", "le: .nan", "features.month.le", "not_finite"),
        ("le: 12", "le: -.inf", "features.month.le", "not_finite"),
        ("le: 12", f"le: {'9' * 5000}", "features.month.le", "not_finite"),
        ("test: 0.2", "test: 1", "training.split.test", "out_of_range"),
        ("{num_leaves: 63}", "{num_leaves: [63]}", "training.params.num_leaves", "wrong_type"),
        ("target: {name: late, type: bool}", "target:", "target", "wrong_type"),
        ("within: 7d", "within: 7", "checks[3].fresh.within", "wrong_type"),
        ("within: 7d", "within: 7w", "checks[3].fresh.within", "bad_format"),
        ("pulse: 1", "pulse: &a 1", "", "alias"),
        ("pulse: 1", "pulse: !!int 1", "", "tag"),
        ("pulse: 1", "pulse: !!python/object:os.system 1", "", "tag"),
        ("pulse: 1", "pulse: 1\n<<: {name: x}", '["<<"]', "unknown_key"),
    ],
)
def test_what_the_types_forbid_is_named(change: Change, old: str, new: str, path: str, code: str) -> None:
    """A value outside of its type gives a problem with its path and a stable code."""
    assert (path, f"protocol.{code}") in [(p.path, p.code) for p in change(old, new)]


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("", "empty", 1),
        ("# nothing\n", "empty", 1),
        ("---\n", "wrong_type", 1),
        ("just text", "wrong_type", 1),
        ("- a\n- b\n", "wrong_type", 1),
        ("pulse: 1\nname: [a\n", "bad_yaml", 3),
        ("pulse: 1\n\tname: x\n", "bad_yaml", 2),
        ("pulse: 1\nname: *nobody\n", "alias", 2),
        ("pulse: \x07\n", "bad_yaml", 1),
        ("pulse: 1\n---\npulse: 1\n", "several_documents", 2),
        ("[" * 100_000, "too_deep", 1),
        ("{a: " * 100_000, "too_deep", 1),
        ("- " * 100_000, "too_deep", 1),
        ("x" * (loading.LARGEST + 1), "too_large", 1),
    ],
)
def test_what_is_no_protocol_at_all_is_one_clear_problem(
    problems: Check, text: str, code: str, line: int
) -> None:
    """Text that is empty, no YAML, several documents, too deep or too large says so, with its line."""
    assert (f"protocol.{code}", line) in [(p.code, p.line) for p in problems(text)]


def test_an_alias_bomb_costs_nothing(problems: Check) -> None:
    """Anchors and aliases are refused where they stand; nothing is expanded."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    start = time.process_time()
    found = problems("\n".join(lines))
    assert time.process_time() - start < 5
    assert {"protocol.alias", "protocol.unknown_key"} <= {p.code for p in found}


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(f"k{n}: 1" for n in range(10_000)),
        "features:\n" + "\n".join(f"  f{n}: {{typo: 1}}" for n in range(5_000)),
        "checks: [" + "{x: 1}, " * 10_000 + "]",
        "? " * 100_000,
        "name: '" + "a" * 500_000 + "'",
        "a" * 500_000 + ": 1",
    ],
    ids=["keys", "features", "checks", "complex keys", "long text", "long key"],
)
def test_hostile_files_end_soon_and_say_how_many_problems_are_shown(problems: Check, text: str) -> None:
    """A file of nothing but problems is cut after the first hundreds, in seconds, without a traceback."""
    start = time.process_time()
    found = problems(text)
    assert time.process_time() - start < 10
    assert 0 < len(found) <= 501
    assert max(len(str(p)) for p in found) < 1000


def test_the_last_of_too_many_problems_says_so(problems: Check) -> None:
    """Nobody mistakes the first five hundred problems for all of them."""
    found = problems("\n".join(f"k{n}: 1" for n in range(600)))
    assert found[-1].code == "protocol.too_many"


@pytest.mark.parametrize(
    ("data", "code", "place"),
    [
        (b"pulse: 1\nname: \xff\n", "not_utf8", (2, 7)),
        (b"x" * (loading.LARGEST + 1), "too_large", (1, 1)),
        ("é".encode() * (loading.LARGEST // 2) + b"\xc3", "too_large", (1, 1)),
        (b"\xff\xfep\x00", "not_utf8", (1, 1)),
    ],
)
def test_bytes_that_are_no_text_are_refused(
    tmp_path: Path, data: bytes, code: str, place: tuple[int, int]
) -> None:
    """A file in another encoding or beyond the limit is one problem at its place."""
    path = tmp_path / "p.yaml"
    path.write_bytes(data)
    with pytest.raises(ProtocolError) as caught:
        loading.load(path)
    problem = caught.value.problems[0]
    assert (problem.code, (problem.line, problem.column)) == (f"protocol.{code}", place)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path, sound: str) -> None:
    """Editors that write a byte order mark do no harm."""
    path = tmp_path / "flight-delay.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + sound.encode())
    assert loading.load(path).name == "flight-delay"


def test_a_path_that_is_no_file_is_told(tmp_path: Path) -> None:
    """A missing file, a folder and a pipe are problems, not tracebacks, and a pipe is never waited for."""
    os.mkfifo(tmp_path / "pipe")
    for path, code in (
        (tmp_path / "none.yaml", "file_missing"),
        (tmp_path, "not_a_file"),
        (tmp_path / "pipe", "not_a_file"),
        (tmp_path / "none.yaml" / "x" / ("y" * 300), "file_missing"),
        (Path("a\0b"), "unreadable"),
    ):
        with pytest.raises(ProtocolError) as caught:
            loading.load(path)
        assert caught.value.problems[0].code in (f"protocol.{code}", "protocol.unreadable")


def test_a_file_is_named_as_its_protocol(tmp_path: Path, sound: str) -> None:
    """A protocol whose name differs from its file would never be found by its name."""
    path = tmp_path / "other.yaml"
    path.write_text(sound)
    with pytest.raises(ProtocolError) as caught:
        loading.load(path)
    assert [(p.path, p.code, p.line) for p in caught.value.problems] == [("name", "protocol.name_differs", 2)]


def test_find_goes_by_the_checked_name(workspace: Workspace) -> None:
    """A name leads to its file; a wrong one to the nearest, and one with a path in it nowhere."""
    workspace.protocols.mkdir()
    (workspace.protocols / "flight-delay.yaml").write_text("")
    assert loading.find(workspace, "flight-delay") == workspace.protocols / "flight-delay.yaml"
    with pytest.raises(PulseError, match="Did you mean 'flight-delay'"):
        loading.find(workspace, "flight-dealy")
    with pytest.raises(PulseError, match="There are: flight-delay"):
        loading.find(workspace, "zzz")
    for name in ("../flight-delay", "/etc/passwd", "", "a\n", "A", "a" * 64, "flight-delay.yaml"):
        with pytest.raises(PulseError) as caught:
            loading.find(workspace, name)
        assert caught.value.code == "protocol.bad_name"


def test_find_in_an_empty_project_says_that_there_is_none(workspace: Workspace) -> None:
    """Where there is no protocol at all, nothing is suggested."""
    with pytest.raises(PulseError, match="no protocol in this project yet"):
        loading.find(workspace, "flight-delay")
