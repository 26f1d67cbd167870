"""What a release would hold, and that all its versions agree; `make release-check` installs and runs it as well."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from tests.release.checking import build, sdist_problems, version_problems, wheel_problems
from tests.tiny_project import ROOT


def test_versions_agree() -> None:
    """Package, project file, changelog and the workspace that this release keeps."""
    assert list(version_problems()) == []


def test_distributions_hold_what_they_should(tmp_path: Path) -> None:
    """Every file of the package, every template, tests and their data; nothing else. What is missing is named."""
    wheel, sdist = build(ROOT, tmp_path, "wheel", "sdist")
    assert [*wheel_problems(wheel), *sdist_problems(sdist)] == []
    lacking = shutil.copy(wheel, tmp_path / "lacking.whl")
    with zipfile.ZipFile(wheel) as whole, zipfile.ZipFile(lacking, "w") as archive:
        for name in whole.namelist():
            if not name.endswith("py.typed"):
                archive.writestr(name, whole.read(name))
        archive.writestr("tests/stray.py", b"")
    assert list(wheel_problems(Path(lacking))) == [
        "the wheel lacks pulse_blocks/py.typed",
        "the wheel has a stray tests/stray.py",
    ]


@pytest.mark.parametrize("where", ["aside", "taken"])
def test_the_demo_finds_or_makes_its_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Where no project has the protocol, one is made beside; a folder with something else in it is not touched."""
    from pulse_blocks.cli.demo_project import FOLDER, find_or_make
    from pulse_blocks.errors import PulseError

    monkeypatch.setenv("PULSE_ROOT", "")
    monkeypatch.chdir(tmp_path)
    if where == "taken":
        (tmp_path / FOLDER).mkdir()
        (tmp_path / FOLDER / "mine.txt").write_text("mine")
        with pytest.raises(PulseError, match=r"mine\.txt"):
            find_or_make("flight-delay")
        assert [path.name for path in (tmp_path / FOLDER).iterdir()] == ["mine.txt"]
        return
    made = find_or_make("flight-delay")
    assert made == tmp_path / FOLDER
    assert (made / "protocols" / "flight-delay.yaml").read_bytes() == (
        ROOT / "protocols" / "flight-delay.yaml"
    ).read_bytes()
    assert {"flows", "prefect.yaml", "deployments"} <= {path.name for path in made.iterdir()}
    assert find_or_make("flight-delay") is None
