"""``pulse protocol``: what changed, a first draft from data, and the Open Data Contract Standard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.tiny_project import PROTOCOL, make_project, pulse


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
    assert "after.yaml:21:" in done.stderr


def problems_of(folder: Path, text: str, name: str) -> list[dict[str, Any]]:
    """What ``pulse check`` finds in a text."""
    (folder / "protocols" / f"{name}.yaml").write_text(text)
    return list(json.loads(pulse(folder, "check", f"protocols/{name}.yaml", "--json").stdout)["problems"])


_ = make_project
