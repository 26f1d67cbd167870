"""``.pulse/workspace.toml`` edited in place: comments and order stay, and no reader ever sees half a file."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulse_blocks.errors import PulseError
from pulse_blocks.settings import DEFAULT, Workspace, absolute_url, check_name, load, names

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

_SQLITE = "sqlite:///"


def relative_to_root(url: str, workspace: Workspace) -> str:
    """A URL as the file holds it: a path that is relative to where the user stands, relative to the root."""
    prefix = _SQLITE if url.startswith(_SQLITE) else ""
    path = url.removeprefix(prefix)
    if "://" in path or path.startswith("${"):
        return url
    absolute = Path(os.path.abspath(path))  # noqa: PTH100  no symbolic link is followed: the user's own words stay
    root = Path(workspace.root)
    return prefix + str(absolute.relative_to(root) if absolute.is_relative_to(root) else absolute)


def check_free(workspace: Workspace, name: str, url: str) -> bool:
    """True where the name is free, False where it stands for that URL already.

    Raises PulseError where it stands for another one: a name never silently changes its meaning.
    """
    known = workspace.datasources.get(name)
    if known is None:
        return True
    if known.url == absolute_url(url, Path(workspace.root)):
        return False
    raise PulseError(
        "datasource.exists",
        f"There is a datasource {name} already, with another URL.",
        f"Choose another name, or first: pulse datasource remove {name}.",
    )


def add_datasource(workspace: Workspace, name: str, url: str) -> bool:
    """Enter a datasource; False where it is there already with that URL. Raises as ``check_free`` does."""
    import tomlkit

    with _alone(workspace) as current:
        if not check_free(current, name, url):
            return False
        document = _read(current)
        entry = tomlkit.table()
        entry.add("url", url)
        own = _own(document, current)
        own.setdefault("datasources", tomlkit.table(is_super_table=True)).add(name, entry)
        _write(current, document)
    return True


def remove_datasource(workspace: Workspace, name: str) -> None:
    """Take a datasource out of the file, if it is there: a workspace's own, else the one that all share."""
    with _alone(workspace) as current:
        document = _read(current)
        own = _own(document, current)
        where = own if name in own.get("datasources", {}) else document
        if name in where.get("datasources", {}):
            where["datasources"].remove(name)
        if not where.get("datasources", True):
            where.remove("datasources")
        _write(current, document)


def take_over(workspace: Workspace, keys: Mapping[str, str], datasources: Mapping[str, str]) -> None:
    """Set keys and datasources, in place of what the file says of them; everything else stays."""
    import tomlkit

    with _alone(workspace) as current:
        document = _read(current)
        own = _own(document, current)
        for key, value in keys.items():
            own[key] = value
        for name, url in datasources.items():
            tables = own.setdefault("datasources", tomlkit.table(is_super_table=True))
            tables[name] = tomlkit.table().add("url", url)
        _write(current, document)


def create(workspace: Workspace, name: str, keys: Mapping[str, str]) -> None:
    """Enter a workspace ``name`` with these keys. Raises PulseError ``workspace.name`` or ``workspace.exists``."""
    import tomlkit

    check_name(name)
    with _alone(workspace) as current:
        if name in names(Path(current.root)) or name == DEFAULT:
            raise PulseError(
                "workspace.exists",
                f"There is a workspace {name} already.",
                f"See it: pulse workspace show {name}.",
            )
        document = _read(current)
        table = tomlkit.table()
        for key, value in keys.items():
            table.add(key, value)
        document.setdefault("workspaces", tomlkit.table(is_super_table=True)).add(name, table)
        _write(current, document)


def choose(workspace: Workspace, name: str) -> None:
    """Make ``name`` the workspace that commands use where nobody says another."""
    with _alone(workspace) as current:
        document = _read(current)
        if "current" in document:
            document["current"] = name
        else:
            # Before the first table: after it the key would be that table's.
            text = f'current = "{name}"\n'
            document = _parsed(text + document.as_string())
        _write(current, document)


def _own(document: TOMLDocument, workspace: Workspace) -> Any:
    """Where the file has what is a workspace's own: its table, or the top of the file."""
    if workspace.folder == workspace.file.parent:
        return document
    return document["workspaces"][workspace.name]


@contextlib.contextmanager
def _alone(workspace: Workspace) -> Iterator[Workspace]:
    """The workspace as the file has it now, while no other command edits it."""
    workspace.file.parent.mkdir(parents=True, exist_ok=True)
    with workspace.file.with_name(f"{workspace.file.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield load(Path(workspace.root), name=workspace.name)


def _read(workspace: Workspace) -> TOMLDocument:
    import tomlkit

    path = workspace.file
    return _parsed(path.read_text(encoding="utf-8")) if path.exists() else tomlkit.document()


def _parsed(text: str) -> TOMLDocument:
    import tomlkit

    return tomlkit.parse(text)


def _write(workspace: Workspace, document: TOMLDocument) -> None:
    """Atomic and durable: a new file beside the old one takes its place."""
    path = workspace.file
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(document.as_string())
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            Path(temporary).chmod(path.stat().st_mode & 0o777)
        Path(temporary).replace(path)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise PulseError(
            "workspace.unwritable",
            f"{path} cannot be written: {error.strerror}.",
            "Check the folder's permissions.",
        ) from error
