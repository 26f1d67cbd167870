"""Progress on a terminal: one line a stage, with what it is doing and how long it took. Goes to stderr."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.text import Text

from pulse_blocks import progress
from pulse_blocks.progress import Progress as Report


@contextlib.contextmanager
def stages_on_terminal() -> Iterator[None]:
    """Show every report of this process until the block ends. Without a terminal: a line per finished stage."""
    console = Console(stderr=True)
    if not console.is_terminal:
        with progress.listening(_Lines(console).hear):
            yield
        return
    shown = Progress(
        SpinnerColumn(finished_text="[green]✓[/]"),
        TextColumn("{task.description:<10}"),
        BarColumn(bar_width=28),
        _Seconds(),
        TextColumn("[dim]{task.fields[note]}"),
        console=console,
    )
    with shown, progress.listening(_Bars(shown).hear):
        yield


class _Bars:
    def __init__(self, shown: Progress) -> None:
        self._shown = shown
        self._bars: dict[str, TaskID] = {}

    def hear(self, report: Report) -> None:
        """Move a stage's bar. A report without words leaves those of the one before it."""
        if report.stage not in self._bars:
            self._bars[report.stage] = self._shown.add_task(report.stage, total=None, note="")
        bar = self._bars[report.stage]
        self._shown.update(bar, completed=report.done, total=report.total)
        if report.note:
            self._shown.update(bar, note=report.note)


class _Seconds(ProgressColumn):
    """How long a stage has been at work, or took."""

    def render(self, task: Task) -> Text:
        """Seconds with one digit."""
        seconds = task.finished_time if task.finished_time is not None else task.elapsed
        return Text(f"{seconds or 0.0:6.1f} s")


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._begun: dict[str, float] = {}

    def hear(self, report: Report) -> None:
        """Print a line when a stage is done."""
        begun = self._begun.setdefault(report.stage, time.monotonic())
        if report.total is not None and report.done >= report.total and begun > 0:
            self._begun[report.stage] = -1.0
            seconds = time.monotonic() - begun
            self._console.print(f"{report.stage:<10} {seconds:6.1f} s  {report.note}", highlight=False)
