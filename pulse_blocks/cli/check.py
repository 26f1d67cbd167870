"""``pulse check``: is the contract sound? Nothing is touched, and every problem of every file is told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pulse_blocks.cli.output import Json, emit
from pulse_blocks.errors import Problem, ProtocolError, PulseError
from pulse_blocks.records import Record

if TYPE_CHECKING:
    from pulse_blocks.protocol.spec import Protocol


class Sound(Record, frozen=True, kw_only=True):
    """A protocol without problems. ``columns`` counts all columns of its snapshots, features among them."""

    file: str
    name: str
    version: str
    digest: str
    columns: int
    features: int


class Checked(Record, frozen=True, kw_only=True):
    """The verdict on some files, in the order in which they were given."""

    problems: tuple[Problem, ...]
    sound: tuple[Sound, ...]


def check(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE|FOLDER]...", show_default=False, help="Without any: all of protocols/."
        ),
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Check protocol files; every problem at once, with line and column.

    The exit code is 1 where there is any problem. Nothing is run and nothing is touched.
    """
    checked = check_files(_expanded(files) if files else all_protocols())
    emit(checked, lambda: _render(checked), as_json=as_json)
    if checked.problems:
        raise typer.Exit(1)


def all_protocols() -> list[Path]:
    """The files of the project's ``protocols`` folder. Raises PulseError where there are none."""
    from pulse_blocks import settings
    from pulse_blocks.protocol.loading import SUFFIX

    folder = settings.load().protocols
    files = sorted(folder.glob(f"*{SUFFIX}"))
    if not files:
        raise PulseError(
            "protocol.none", f"There are no protocols in {folder}.", "Name a file: pulse check FILE."
        )
    here = Path.cwd()
    return [path.relative_to(here) if path.is_relative_to(here) else path for path in files]


def _expanded(files: list[Path]) -> list[Path]:
    """Each folder's protocol files in its place. Raises PulseError for a folder without any."""
    from pulse_blocks.protocol.loading import SUFFIX

    found: list[Path] = []
    for path in files:
        inside = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
        if not inside:
            raise PulseError("protocol.none", f"There are no protocols in {path}.", f"They end in {SUFFIX}.")
        found += inside
    return found


def check_files(files: list[Path]) -> Checked:
    """Load every file; one that cannot be read is a problem like any other."""
    from pulse_blocks.protocol.loading import load

    problems: list[Problem] = []
    sound: list[Sound] = []
    for file in files:
        try:
            sound.append(_sound(file, load(file)))
        except ProtocolError as error:
            problems.extend(error.problems)
    return Checked(problems=tuple(problems), sound=tuple(sound))


def _sound(file: Path, protocol: Protocol) -> Sound:
    from pulse_blocks.protocol.columns import all_columns

    return Sound(
        file=str(file),
        name=protocol.name,
        version=protocol.version,
        digest=protocol.digest,
        columns=len(all_columns(protocol)),
        features=len(protocol.features),
    )


def _render(checked: Checked) -> str:
    from pulse_blocks.cli.failures import printable

    lines = [printable(str(problem)) for problem in checked.problems]
    lines += [
        f"{good.file}: sound. {good.name} {good.version}, {good.columns} columns ({good.features} features), "
        f"digest {good.digest[:12]}"
        for good in checked.sound
    ]
    if checked.problems:
        bad = len({problem.file for problem in checked.problems})
        lines.append(f"{_count(len(checked.problems), 'problem')} in {_count(bad, 'file')}.")
    return "\n".join(lines)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
