"""A protocol file to a ``Protocol``, or to every problem with it at once.

Nothing is run, imported or opened besides the file itself. What the types say is checked by ``walking.py``,
contradictions across keys by ``rules``; only a sound file becomes a Protocol.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Any

import msgspec

from pulse_blocks.errors import ProtocolError, PulseError
from pulse_blocks.protocol import parsing, rules, walking
from pulse_blocks.protocol.nodes import Mapping, Node, Scalar
from pulse_blocks.protocol.problems import Problems, TooManyProblems, nearest, shown
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.settings import Workspace

VERSION = 1
LARGEST = 512 * 1024
SUFFIX = ".yaml"
_TOO_LARGE = f"A protocol has at most {LARGEST // 1024} KiB."
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")


def load(path: Path, *, any_name: bool = False) -> Protocol:
    """Read a protocol file. Raises ProtocolError with all problems, in the order of the file.

    The protocol's ``name`` must be the file's name without ``.yaml``: that is how commands find it. With
    ``any_name`` it need not: an older version that lies beside, say.
    """
    problems = Problems(str(path))
    stem = None if any_name else path.name.removesuffix(SUFFIX)
    return _sound(_text(_read(path, problems), problems), problems, stem)


def loads(text: str, file: str = "<protocol>") -> Protocol:
    """As ``load``, on text. ``file`` is what problems call it."""
    return _sound(text, Problems(file), None)


def plain(path: Path) -> Any:
    """What any YAML file of at most ``LARGEST`` bytes says, as plain data. Raises ProtocolError as ``load`` does."""
    problems = Problems(str(path))
    root = parsing.parse(_text(_read(path, problems), problems), problems)
    if problems:
        raise ProtocolError(problems.in_order())
    return None if root is None else root.as_data()


def find(workspace: Workspace, name: str) -> Path:
    """``protocols/NAME.yaml`` of a project. Raises PulseError where the name or the file is none.

    The file itself is not read.
    """
    if len(name) > 63 or not _NAME.match(name):
        raise PulseError(
            "protocol.bad_name",
            f"{shown(name)!r} is not a protocol's name.",
            "A name has lowercase letters, digits and single dashes: flight-delay.",
        )
    path = workspace.protocols / f"{name}{SUFFIX}"
    if path.is_file():
        return path
    known = sorted(file.name.removesuffix(SUFFIX) for file in workspace.protocols.glob(f"*{SUFFIX}"))
    there_are = (
        f"There are: {', '.join(known[:20])}." if known else "There is no protocol in this project yet."
    )
    raise PulseError(
        "protocol.not_found",
        f"There is no protocol {name!r} in {workspace.protocols}.",
        nearest(name, known) or there_are,
    )


def _read(path: Path, problems: Problems) -> bytes:
    try:
        kind = path.stat().st_mode
        if stat.S_ISREG(kind):
            with path.open("rb") as file:
                return file.read(LARGEST + 1)
        hint = "Name the protocol's file in it." if stat.S_ISDIR(kind) else None
        what = "a folder" if stat.S_ISDIR(kind) else "not an ordinary file"
        problems.add((), "not_a_file", f"This is {what}.", hint)
    except FileNotFoundError:
        problems.add((), "file_missing", "There is no such file.")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        problems.add((), "unreadable", f"The file cannot be read: {reason}.")
    raise ProtocolError(problems.in_order())


def _text(data: bytes, problems: Problems) -> str:
    if len(data) > LARGEST:
        problems.add((), "too_large", _TOO_LARGE)
        raise ProtocolError(problems.in_order())
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = parsing.place_of(data[: error.start].decode("latin-1"))
        problems.add_at(place, (), "not_utf8", "The file is not UTF-8.", "Save it as UTF-8.")
    raise ProtocolError(problems.in_order())


def _sound(text: str, problems: Problems, stem: str | None) -> Protocol:
    protocol = None
    try:
        protocol = _typed(text, problems)
        if protocol is not None:
            rules.check(protocol, problems)
            if stem is not None and protocol.name != stem:
                problems.add(
                    ("name",),
                    "name_differs",
                    f"The protocol is named {protocol.name!r}, its file {stem}{SUFFIX}.",
                    f"Rename the file to {protocol.name}{SUFFIX}, or the protocol.",
                )
    except TooManyProblems:
        problems.give_up()
    if protocol is None or problems:
        raise ProtocolError(problems.in_order())
    return protocol


def _typed(text: str, problems: Problems) -> Protocol | None:
    """The protocol where types and structure hold; None where they do not."""
    if len(text) > LARGEST:
        problems.add((), "too_large", _TOO_LARGE)
        return None
    root = parsing.parse(text, problems)
    if root is None:
        if not problems:
            problems.add((), "empty", "The file is empty.", "A protocol begins with 'pulse: 1'.")
        return None
    if (version := _later_version(root)) is not None:
        # What else is strange in it may be sound there.
        problems.add_at(
            (version.line, version.column),
            ("pulse",),
            "newer",
            f"This is version {version.text} of the protocol language, and this version of Pulse knows {VERSION}.",
            "Upgrade pulse-blocks.",
        )
        return None
    values = walking.walk(root, walking.type_of(Protocol), (), problems)
    return None if problems else msgspec.convert(values, Protocol)


def _later_version(root: Node) -> Scalar | None:
    """What stands behind ``pulse``, where that is a later version than the one that is known."""
    for key, value in root.pairs if isinstance(root, Mapping) else ():
        if isinstance(key, Scalar) and key.text == "pulse" and isinstance(value, Scalar):
            said = value.value()
            return value if isinstance(said, int) and said > VERSION else None
    return None
