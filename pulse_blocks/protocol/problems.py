"""Collecting what is wrong with a protocol file: where each path of it stands, and every problem found."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from msgspec import structs

from pulse_blocks.errors import Problem

Path = tuple[str | int, ...]
# A hostile file may hold a problem in every second byte; nobody reads more than this.
MOST_PROBLEMS = 500
_PLAIN = re.compile(r"[^\W\d][\w-]*\Z")


class TooManyProblems(Exception):  # noqa: N818 - a signal to stop looking, caught in loading.py
    """The file has MOST_PROBLEMS problems; the rest is not looked for."""


class Problems:
    """The problems of one file and a map from each path in it to its line and column."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: list[Problem] = []
        self._marks: dict[Path, tuple[int, int]] = {(): (1, 1)}

    def __bool__(self) -> bool:
        return bool(self._found)

    def mark(self, path: Path, line: int, column: int) -> None:
        """Remember where ``path`` stands (from 1)."""
        self._marks[path] = (line, column)

    def has(self, path: Path) -> bool:
        """Whether ``path`` is written in the file."""
        return path in self._marks

    def add(self, path: Path, code: str, message: str, hint: str | None = None) -> None:
        """A problem at ``path``, or at the nearest section around it that is written in the file."""
        known = path
        while known not in self._marks:
            known = known[:-1]
        self.add_at(self._marks[known], path, code, message, hint)

    def add_at(
        self, place: tuple[int, int], path: Path, code: str, message: str, hint: str | None = None
    ) -> None:
        """A problem at a line and column that no path leads to. Raises TooManyProblems beyond MOST_PROBLEMS."""
        if len(self._found) >= MOST_PROBLEMS:
            raise TooManyProblems
        self._found.append(
            Problem(
                file=self.file,
                line=place[0],
                column=place[1],
                path=dotted(path),
                code=f"protocol.{code}",
                message=message,
                hint=hint,
            )
        )

    def in_order(self) -> tuple[Problem, ...]:
        """All problems in the order of the file."""
        return tuple(sorted(self._found, key=lambda problem: (problem.line, problem.column)))

    def give_up(self) -> None:
        """Say, after all others, that there may be more."""
        last = self.in_order()[-1]
        message = f"There are more than {MOST_PROBLEMS} problems; the rest is not shown."
        self._found.append(
            structs.replace(last, path="", code="protocol.too_many", message=message, hint=None)
        )


def dotted(path: Path) -> str:
    """``("checks", 0, "name")`` → ``checks[0].name``; a key that is no plain word: ``features["a b"]``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN.match(part):
            text += f".{shown(part)}" if text else shown(part)
        else:
            text += f"[{json.dumps(shown(part), ensure_ascii=False)}]"
    return text


def shown(value: object, most: int = 60) -> str:
    """A value as text for a message, cut where it is long."""
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """``Did you mean 'features'?`` where one of ``known`` is near enough to ``word``.

    None for a very long word and among very many, which would take long.
    """
    import difflib

    names = list(known)
    if len(word) > 64 or len(names) > 300:
        return None
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return f"Did you mean {near[0]!r}?" if near else None
