"""``pulse demo-data``: data to try Pulse on, as a datasource of the workspace."""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from pulse_blocks import __version__
from pulse_blocks.cli.output import Json, emit
from pulse_blocks.records import Record, from_json, to_json
from pulse_blocks.settings import Workspace


class Which(enum.StrEnum):
    """The data sets that Pulse can make."""

    flights = "flights"
    transactions = "transactions"


class Made(Record, frozen=True, kw_only=True):
    """What a finished data file holds, kept beside it: the file is made again only where this differs.

    ``asked`` is rows and seed where the data are generated.
    """

    pulse: str
    asked: tuple[int, int] | None
    rows: int
    bytes: int


def demo_data(
    which: Annotated[
        Which,
        typer.Argument(metavar="[flights|transactions]", help="Real flights, or generated transactions."),
    ] = Which.flights,
    *,
    rows: Annotated[
        int, typer.Option(min=1, help="Of transactions; flights are always all of them.")
    ] = 100_000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same transactions.")] = 7,
    as_json: Json = False,
) -> None:
    """Write real flights, or made-up transactions, as a datasource.

    The SQLite file is below .pulse/data. Where it is there already, with the same rows, nothing is written.
    """
    from pulse_blocks import settings

    path, made, fresh = prepare(which, settings.load(), rows, seed)
    data = {"datasource": which.value, "path": str(path), "rows": made.rows, "written": fresh}
    verb = "has" if fresh else "has already"
    emit(data, lambda: f"Datasource {which.value} {verb} {made.rows:,} rows: {path}", as_json=as_json)


def prepare(which: Which, workspace: Workspace, rows: int, seed: int) -> tuple[Path, Made, bool]:
    """Make the file, where it is not there, and enter the datasource: its path, its facts, written now?

    Raises PulseError, before anything is written, where the name stands for another URL.
    """
    from pulse_blocks.cli import workspace_file

    path = workspace.folder / "data" / f"{which.value}.db"
    url = f"sqlite:///{path.relative_to(workspace.root)}"
    workspace_file.check_free(workspace, which.value, url)
    made, fresh = make(which, path, rows, seed)
    workspace_file.add_datasource(workspace, which.value, url)
    return path, made, fresh


def make(which: Which, path: Path, rows: int, seed: int) -> tuple[Made, bool]:
    """Write the file, unless it is there with the same rows. True where it was written now."""
    facts = path.with_suffix(".json")
    asked = (rows, seed) if which is Which.transactions else None
    known = _known(path, facts)
    if known and (known.pulse, known.asked) == (__version__, asked):
        return known, False
    facts.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    written = _write(which, path, rows, seed)
    made = Made(pulse=__version__, asked=asked, rows=written, bytes=path.stat().st_size)
    facts.write_bytes(to_json(made))
    return made, True


def _write(which: Which, path: Path, rows: int, seed: int) -> int:
    from pulse_blocks.demo.flights import write_flights
    from pulse_blocks.demo.transactions import write_transactions

    progress = _progress(which.value)
    if which is Which.flights:
        return write_flights(path, progress)
    return write_transactions(path, rows, seed, progress)


def _known(path: Path, facts: Path) -> Made | None:
    import msgspec

    try:
        made = from_json(facts.read_bytes(), Made)
        return made if path.stat().st_size == made.bytes else None
    except (OSError, msgspec.DecodeError):
        return None


def _progress(name: str) -> Callable[[int, int], None] | None:
    """Says how far the work is on one line of a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        return None

    def show(done: int, total: int) -> None:
        end = "\n" if done >= total else ""
        sys.stderr.write(f"\rWriting {name}: {done:,} of {total:,} rows{end}")
        sys.stderr.flush()

    return show
