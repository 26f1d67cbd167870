"""``.pulse/workspace.toml`` edited in place: comments and order stay, and no reader ever sees half a file."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pulse_blocks.errors import PulseError
from pulse_blocks.settings import FILE, Workspace, absolute_url, load

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
        document.setdefault("datasources", tomlkit.table(is_super_table=True)).add(name, entry)
        _write(current, document)
    return True


def remove_datasource(workspace: Workspace, name: str) -> None:
    """Take a datasource out of the file, if it is there."""
    with _alone(workspace) as current:
        document = _read(current)
        if name in current.datasources:
            document["datasources"].remove(name)
        if not document.get("datasources", True):
            document.remove("datasources")
        _write(current, document)


def take_over(workspace: Workspace, keys: Mapping[str, str], datasources: Mapping[str, str]) -> None:
    """Set keys and datasources, in place of what the file says of them; everything else stays."""
    import tomlkit

    with _alone(workspace) as current:
        document = _read(current)
        for key, value in keys.items():
            document[key] = value
        for name, url in datasources.items():
            tables = document.setdefault("datasources", tomlkit.table(is_super_table=True))
            tables[name] = tomlkit.table().add("url", url)
        _write(current, document)


@contextlib.contextmanager
def _alone(workspace: Workspace) -> Iterator[Workspace]:
    """The workspace as the file has it now, while no other command edits it."""
    workspace.folder.mkdir(parents=True, exist_ok=True)
    with (workspace.folder / f"{FILE}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield load(Path(workspace.root))


def _path(workspace: Workspace) -> Path:
    return workspace.folder / FILE


def _read(workspace: Workspace) -> TOMLDocument:
    import tomlkit

    path = _path(workspace)
    return tomlkit.parse(path.read_text(encoding="utf-8")) if path.exists() else tomlkit.document()


def _write(workspace: Workspace, document: TOMLDocument) -> None:
    """Atomic and durable: a new file beside the old one takes its place."""
    path = _path(workspace)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f"{FILE}.", dir=path.parent)
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
