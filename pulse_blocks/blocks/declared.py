"""The automations that a project declares: files in deployments/automations/, read without asking any server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from pulse_blocks.errors import PulseError

FOLDER = Path("deployments") / "automations"


class Declared(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file. ``enabled`` is None where the file leaves it to people; ``trigger`` and ``actions`` are Prefect's."""

    file: str = ""
    name: str
    description: str = ""
    enabled: bool | None = None
    trigger: dict[str, Any]
    actions: list[dict[str, Any]]


def declared(root: Path) -> list[Declared]:
    """What a project declares, by name. Raises PulseError for a file that is not sound or a name used twice."""
    found: dict[str, Declared] = {}
    for path in sorted((root / FOLDER).glob("*.yaml")):
        one = _read(path, str(path.relative_to(root)))
        if one.name in found:
            raise invalid(one.file, f"its name is that of {found[one.name].file} too")
        found[one.name] = one
    return [found[name] for name in sorted(found)]


def project_name(root: Path) -> str:
    """What prefect.yaml calls the project; the folder's name where it says nothing. Several may share a server."""
    path = root / "prefect.yaml"
    raw = read_yaml(path, "prefect.yaml") if path.exists() else None
    name = raw.get("name") if isinstance(raw, dict) else None
    return str(name or root.resolve().name)


def invalid(file: str, reason: str) -> PulseError:
    """A file that is no automation."""
    return PulseError(
        "automation.invalid",
        f"{file} is not sound: {reason}.",
        "docs/retraining-loop.md shows what a file may hold.",
    )


def _read(path: Path, file: str) -> Declared:
    try:
        one = msgspec.convert(read_yaml(path, file), Declared)
    except msgspec.ValidationError as error:
        raise invalid(file, str(error)) from None
    if one.file:
        raise invalid(file, "there is no key `file`")
    if not one.actions:
        raise invalid(file, "it has no action")
    return msgspec.structs.replace(one, file=file)


def read_yaml(path: Path, file: str) -> Any:
    """What a YAML file holds; ``file`` names it in errors. Raises PulseError."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (YAMLError, UnicodeDecodeError) as error:
        raise invalid(file, f"it is no YAML ({str(error).splitlines()[0]})") from None
    except OSError as error:
        raise invalid(file, f"it cannot be read ({error.strerror})") from None
