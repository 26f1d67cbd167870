"""Every stable error code, found in the source where the error is made."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2] / "pulse_blocks"
_CODE = re.compile(r"[a-z]+\.[a-z_]+")
# What makes an error beside the classes themselves, whose names end in Error.
_MAKERS = {"Refusal", "Refused", "_refusals", "model_failed", "require_known"}
_SHORT = re.compile(r"[a-z][a-z_]*")


class Error(NamedTuple):
    """A code, the sentence that comes with it (``…`` where a value stands) and the module that says it."""

    code: str
    message: str
    module: str
    may_pass: bool


def by_area() -> list[tuple[str, list[Error]]]:
    """Errors by the word before the dot, each code once for each module, sorted."""
    found: dict[tuple[str, str], Error] = {}
    for error in sorted(_errors()):
        known = found.get((error.code, error.module))
        if known is None or not known.message:
            found[error.code, error.module] = error
    ordered = sorted(found.values())
    return [(area, list(these)) for area, these in groupby(ordered, lambda one: one.code.partition(".")[0])]


def _errors() -> Iterator[Error]:
    for path in sorted(ROOT.rglob("*.py")):
        module = path.relative_to(ROOT).with_suffix("").as_posix()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                yield from _made(node, module)
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_CODES":
                codes = _codes(*getattr(node.value, "values", ()))
                yield from (Error(code, "", module, False) for code in codes)


def _made(call: ast.Call, module: str) -> Iterator[Error]:
    callee = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if (
        module.startswith("protocol/")
        and isinstance(call.func, ast.Attribute)
        and callee in {"add", "add_at"}
    ):
        yield from _problems(call, module)
    if not (callee.endswith("Error") or callee in _MAKERS or callee in {"__init__", "kind", "replace"}):
        return
    given = [*call.args, *(word.value for word in call.keywords if word.arg == "code")]
    may_pass = callee in {"UnavailableError", "NotNowError"}
    for at, argument in enumerate(given[:3]):
        message = _text(given[at + 1]) if at + 1 < len(call.args) else ""
        yield from (Error(code, message, module, may_pass) for code in _codes(argument))


def _problems(call: ast.Call, module: str) -> Iterator[Error]:
    """Problems of a protocol file: their codes are written without ``protocol.``."""
    for at, argument in enumerate(call.args[1:3], 1):
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            message = _text(call.args[at + 1]) if at + 1 < len(call.args) else ""
            if _SHORT.fullmatch(argument.value):
                yield Error(f"protocol.{argument.value}", message, module, False)
            return


def _codes(*arguments: ast.expr) -> Iterator[str]:
    for argument in arguments:
        choices = [argument.body, argument.orelse] if isinstance(argument, ast.IfExp) else [argument]
        for one in choices:
            if isinstance(one, ast.Constant) and isinstance(one.value, str) and _CODE.fullmatch(one.value):
                yield one.value


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "…" for part in node.values]
        return "".join(map(str, parts))
    return ""
