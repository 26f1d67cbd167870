"""``pulse protocol``: what changed, a first draft from data, and the Open Data Contract Standard."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lineage_world import World
from tests.tiny_project import PROTOCOL, ROOT, environment, make_project, pulse


def test_diff_tells_every_change_and_leaves_with_0(tmp_path: Path) -> None:
    """Path, old, new and impact of each change, as text and as JSON; the names of the files do not matter."""
    (tmp_path / "before.yaml").write_text(PROTOCOL)
    (tmp_path / "after.yaml").write_text(
        PROTOCOL.replace("le: 50", "le: 40").replace("rounds: 20", "rounds: 30")
    )
    done = pulse(tmp_path, "protocol", "diff", "before.yaml", "after.yaml")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "breaking    features.weight.le: 50 -> 40  It refuses what it took before."
    assert lines[-1] == "1 breaking, 1 compatible, 0 cosmetic."
    told = json.loads(pulse(tmp_path, "protocol", "diff", "before.yaml", "after.yaml", "--json").stdout)
    assert (told["breaking"], told["compatible"], told["cosmetic"]) == (1, 1, 0)
    assert told["changes"][0] == {
        "path": "features.weight.le",
        "old": 50,
        "new": 40,
        "impact": "breaking",
        "reason": "It refuses what it took before.",
    }
    assert "No change." in pulse(tmp_path, "protocol", "diff", "before.yaml", "before.yaml").stdout


def test_diff_of_a_broken_file_names_its_problems(tmp_path: Path) -> None:
    """As everywhere: exit code 1, file, line and column."""
    (tmp_path / "before.yaml").write_text(PROTOCOL)
    (tmp_path / "after.yaml").write_text(PROTOCOL.replace("rounds: 20", "rounds: many"))
    done = pulse(tmp_path, "protocol", "diff", "before.yaml", "after.yaml")
    assert done.returncode == 1
    assert "after.yaml:24:11: training.rounds" in done.stderr


SQL = "select * from parcels where sent >= :start and sent < :end"


def test_a_draft_is_a_protocol_with_marks(tmp_path: Path) -> None:
    """Roles, types and ranges from the data; what is printed is sound as it is, and runs like any other."""
    make_project(tmp_path)
    done = pulse(tmp_path, "protocol", "draft", "--datasource", "parcels", "--query", SQL, "--name", "first")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("# DECIDE:") > 5
    (tmp_path / "protocols" / "first.yaml").write_text(done.stdout)
    assert pulse(tmp_path, "check", "protocols/first.yaml").returncode == 0
    told = json.loads(
        pulse(
            tmp_path,
            "protocol",
            "draft",
            "--datasource",
            "parcels",
            "--query",
            SQL,
            "--rows",
            "100",
            "--json",
        ).stdout
    )
    assert (told["name"], told["rows"]) == ("parcels", 100)
    assert told["protocol"].startswith("# A draft from the first 100 rows.")


@pytest.mark.parametrize(
    ("datasource", "query", "words"),
    [
        ("parcel", SQL, "Did you mean parcels?"),
        ("parcels", "select nope from parcels", "no such column: nope"),
        ("parcels", "select * from parcels where at > :yesterday", "names :yesterday"),
        ("parcels", "select * from parcels where 1 = 0", "gives no rows"),
        ("parcels", "select parcel from parcels", "No model can be drafted"),
    ],
)
def test_a_draft_of_nothing_is_refused(tmp_path: Path, datasource: str, query: str, words: str) -> None:
    """One sentence, exit code 1."""
    make_project(tmp_path)
    done = pulse(tmp_path, "protocol", "draft", "--datasource", datasource, "--query", query)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_protocol_survives_the_open_data_contract_standard(tmp_path: Path) -> None:
    """There and back; what is lost is on standard error, line by line, and standard output is a file."""
    (tmp_path / "tiny.yaml").write_text(PROTOCOL)
    there = pulse(tmp_path, "protocol", "export", "tiny.yaml", "--odcs")
    assert there.returncode == 0
    assert [line.split(": ")[:2] for line in there.stderr.splitlines()] == [
        ["lost", "on_invalid"],
        ["lost", "training"],
    ]
    (tmp_path / "tiny.odcs.yaml").write_text(there.stdout)
    back = pulse(tmp_path, "protocol", "import", "tiny.odcs.yaml", "--odcs")
    assert back.returncode == 0
    assert back.stderr == "lost: training: the standard is about data; the defaults stand.\n"
    (tmp_path / "again.yaml").write_text(back.stdout)
    told = json.loads(pulse(tmp_path, "protocol", "diff", "tiny.yaml", "again.yaml", "--json").stdout)
    assert {change["path"].split(".")[0] for change in told["changes"]} == {"on_invalid", "training"}
    as_json = json.loads(pulse(tmp_path, "protocol", "export", "tiny.yaml", "--odcs", "--json").stdout)
    assert as_json["contract"]["apiVersion"] == "v3.1.0"
    assert len(as_json["lost"]) == 2


def test_a_form_has_to_be_named(tmp_path: Path) -> None:
    """There is one today; a second one must not change what a script gets."""
    (tmp_path / "tiny.yaml").write_text(PROTOCOL)
    for command in ("export", "import"):
        done = pulse(tmp_path, "protocol", command, "tiny.yaml")
        assert done.returncode == 2
        assert "Name the form: --odcs." in done.stderr


def test_a_run_refuses_to_break_callers(tmp_path: Path) -> None:
    """Before anything is read or trained; the same protocol under a new major version is run."""
    world = World(make_project(tmp_path))
    snapshot = world.snapshot()
    world.promote(world.keep(world.train(snapshot), snapshot))
    narrower = PROTOCOL.replace("le: 50", "le: 40")
    (tmp_path / "protocols" / "tiny.yaml").write_text(narrower)
    code = (
        "from pulse_blocks.blocks.pipeline import begin\n"
        "from pulse_blocks.errors import PulseError\n"
        "try:\n    begin('tiny', None, None)\nexcept PulseError as error:\n    print(error.code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment(tmp_path, PREFECT_API_URL=""),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "protocol.breaking_change", done.stderr
