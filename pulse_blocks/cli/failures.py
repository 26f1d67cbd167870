"""The one place where an error becomes text and an exit code.

0 done; 1 a clear refusal or a check that failed; 2 wrong usage; 130 interrupted. Text goes to standard error;
with ``--json`` standard output gets ``{"error": {"code", "message", "hint"}}`` as well, with ``problems`` for a
protocol and ``fields`` for a refused request.
"""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulse_blocks.errors import ProtocolError, PulseError

if TYPE_CHECKING:
    from click import ClickException

REFUSED, USAGE, INTERRUPTED = 1, 2, 130
_RED, _DIM, _PLAIN = "\x1b[1;31m", "\x1b[2m", "\x1b[0m"
# What a hostile file or server could use to drive the reader's terminal is shown, never sent.
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


def refused(error: PulseError, *, as_json: bool) -> int:
    """Tell a person what was refused and why, and programs the same as JSON. Returns the exit code."""
    if as_json:
        _tell_programs(as_data(error))
    sys.stderr.write(as_text(error, colour=_colour()) + "\n")
    return REFUSED


def misused(error: ClickException, *, as_json: bool) -> int:
    """Tell what is wrong with the arguments. Returns the exit code."""
    if as_json:
        _tell_programs({"code": "usage", "message": error.format_message(), "hint": None})
    error.show()
    return error.exit_code


def broken(error: Exception, *, as_json: bool) -> int:
    """An error of Pulse's own: one line, and the traceback in a file. Returns the exit code."""
    path = _keep_traceback(error)
    message = f"Pulse has met an error of its own: {type(error).__name__}: {error}".splitlines()[0]
    hint = f"Please report it; the details are in {path}"
    return refused(PulseError("pulse.bug", message, hint), as_json=as_json)


def as_text(error: PulseError, *, colour: bool = False) -> str:
    """``error: MESSAGE`` and ``hint: HINT``; for a protocol a line for each problem, then their number."""
    red, dim, plain = (_RED, _DIM, _PLAIN) if colour else ("", "", "")
    if isinstance(error, ProtocolError):
        count = len(error.problems)
        lines = [str(problem) for problem in error.problems]
        message = f"{count} problem{'s' if count != 1 else ''} in the protocol; nothing was touched."
    else:
        lines, message = [], error.message
    text = "\n".join(printable(line) for line in lines) + ("\n" if lines else "")
    text += f"{red}error:{plain} {printable(message)}"
    return text + (f"\n{dim}hint:{plain} {printable(error.hint)}" if error.hint else "")


def as_data(error: PulseError) -> dict[str, Any]:
    """The facts of an error: ``code``, ``message``, ``hint``, and ``problems`` or ``fields`` where there are."""
    data: dict[str, Any] = {"code": error.code, "message": error.message, "hint": error.hint}
    for more in ("problems", "fields"):
        if found := getattr(error, more, None):
            data[more] = found
    return data


def printable(text: str) -> str:
    """``text`` with control characters spelled out, so that it cannot drive a terminal."""
    return text.translate(_CONTROL)


def _tell_programs(data: dict[str, Any]) -> None:
    from pulse_blocks.cli.output import to_json

    sys.stdout.write(to_json({"error": data}) + "\n")


def _colour() -> bool:
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")


def _keep_traceback(error: Exception) -> Path:
    """Below ``.pulse/errors``; in the system's temporary folder where that cannot be written."""
    from pulse_blocks.settings import FOLDER, find_root

    text = "".join(traceback.format_exception(error))
    try:
        folder = find_root() / FOLDER / "errors"
        folder.mkdir(parents=True, exist_ok=True)
        return _write_private(text, folder)
    except OSError:
        return _write_private(text, None)


def _write_private(text: str, folder: Path | None) -> Path:
    handle, name = tempfile.mkstemp(prefix="error-", suffix=".txt", dir=folder)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return Path(name)
