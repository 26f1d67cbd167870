"""What can go wrong, in one tree.

PulseError
├── ProtocolError      a protocol file that is not sound; carries every problem found
└── UnavailableError   a server, database or store is out of reach: trying again may help
    └── SilentError    it takes connections and does not answer: trying again takes long

Every error names the thing, the place, the reason and the way out. Its ``code`` is stable and meant for
programs (``snapshot.chunk_corrupt``); its message and hint are meant for people. Turning an error into text
and an exit code happens in ``pulse_blocks.cli`` alone.
"""

from __future__ import annotations

import msgspec


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong with one place in a file. Lines and columns count from 1."""

    file: str
    line: int
    column: int
    path: str
    code: str
    message: str
    hint: str | None = None

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        where = f" {self.path}:" if self.path else ""
        return f"{self.file}:{self.line}:{self.column}:{where} {self.message}{hint}"


class PulseError(Exception):
    """A refusal or a failed check that a person can act on.

    All state is in ``args``, so that the error survives pickling (Prefect pickles exceptions).
    """

    def __init__(self, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(code, message, hint)
        self.code = code
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


class UnavailableError(PulseError):
    """Something outside this process is out of reach. Callers may retry."""


class SilentError(UnavailableError):
    """It could be reached, and then said nothing for too long. What it was asked for may have happened, or may yet."""


class ProtocolError(PulseError):
    """A protocol that is not sound. ``problems`` holds all of them, in the order of the file."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__("protocol.invalid", f"{first}{more}")
        self.args = (problems,)
        self.problems = problems
