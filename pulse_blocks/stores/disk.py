"""A store in a folder: atomic, durable, and never outside the folder.

An object is written under a temporary name beside its place, flushed to disk, and then linked to its name, which
fails where the name exists: so an object appears whole, once, and stays. The folder is flushed too, since a name
that is only in memory is gone after a power loss.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.stores.base import Entry, check_key, check_prefix

_TEMPORARY = re.compile(r"\.[0-9a-f]{16}\.tmp\Z")
# An object that is being deleted, and the name that it had.
_ASIDE = re.compile(r"\.[0-9a-f]{16}\.gone\.(?P<name>.+)\Z")
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class DiskStore:
    """A store below a folder of this machine, which is made with the first object."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.uri = str(self.root)
        self.least_grace = 0.0

    def put(self, key: str, data: bytes) -> int:
        """See ``Store.put``. Reads the object where one of this size is there."""
        path = self._path(key)
        with _refusals(path):
            if self.size(key) == len(data) and self._holds(key, data) and _renewed(path):
                _flush_folder(path.parent)
                return 0
            self._write(path, data, replace=True)
        return len(data)

    def create(self, key: str, data: bytes) -> bool:
        """See ``Store.create``."""
        path = self._path(key)
        with _refusals(path):
            return self._write(path, data, replace=False)

    def get(self, key: str) -> bytes:
        """See ``Store.get``. The file is opened without following a link, read once, and is a plain file."""
        path = self._path(key)
        with _refusals(path):
            # Without O_NONBLOCK a named pipe in the way would be waited for.
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            except (FileNotFoundError, NotADirectoryError):
                raise _missing(key, path) from None
            try:
                plain = stat.S_ISREG(os.fstat(descriptor).st_mode)
            except OSError:
                os.close(descriptor)
                raise
            if not plain:
                os.close(descriptor)
                raise _missing(key, path)
            with os.fdopen(descriptor, "rb") as file:
                return file.read()

    def size(self, key: str) -> int | None:
        """See ``Store.size``."""
        path = self._path(key)
        with _refusals(path):
            try:
                found = path.lstat()
            except (FileNotFoundError, NotADirectoryError):
                return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def keys(self, prefix: str = "") -> Iterator[str]:
        """See ``Store.keys``. What is no key (temporary files, links) is passed over."""
        check_prefix(prefix)
        folder = self._folder(prefix.rpartition("/")[0])
        yield from self._walk(folder, prefix)

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """See ``Store.entries``. What goes away meanwhile is passed over."""
        for key in self.keys(prefix):
            path = self._path(key)
            with _refusals(path), contextlib.suppress(FileNotFoundError):
                found = path.lstat()
                yield Entry(key, found.st_size, found.st_mtime)

    def clock(self) -> float:
        """See ``Store.clock``: this machine's, as files have it."""
        return time.time()

    def delete(self, key: str) -> None:
        """See ``Store.delete``."""
        path = self._path(key)
        with _refusals(path):
            path.unlink(missing_ok=True)
            with contextlib.suppress(FileNotFoundError):
                _flush_folder(path.parent)

    def delete_unused(self, key: str, seconds: float) -> bool:
        """See ``Store.delete_unused``.

        An old object is set aside before its time is looked at again, so that whoever finds it just now either
        renews it in time or finds nothing and writes it anew. It is put back by the same name; where this process is
        killed before, ``unfinished`` does that.
        """
        path = self._path(key)
        aside = path.parent / f".{secrets.token_hex(8)}.gone.{path.name}"
        with _refusals(path):
            try:
                if self._age(path) < seconds:
                    return False
                path.rename(aside)
            except FileNotFoundError:
                return True
            with contextlib.suppress(FileNotFoundError):  # another collector has put it back
                if self._age(aside) < seconds:
                    _put_back(aside, path)
                else:
                    aside.unlink()
                    _flush_folder(path.parent)
        return self.size(key) is None

    def locked_until(self, key: str) -> str | None:
        """See ``Store.locked_until``: a folder has no locks."""
        check_key(key)
        return None

    def unfinished(self, seconds: float, *, delete: bool) -> int:
        """See ``Store.unfinished``. A deletion that ended half-way is undone: the next collector decides again."""
        total = 0
        for folder, _, names in os.walk(self.root):
            for name in names:
                path, aside = Path(folder) / name, _ASIDE.match(name)
                with _refusals(path), contextlib.suppress(FileNotFoundError):
                    if aside and delete:
                        _put_back(path, path.with_name(aside["name"]))
                    elif _TEMPORARY.match(name) and self._age(path) >= seconds:
                        total += path.lstat().st_size
                        if delete:
                            path.unlink()
        return total

    def locate(self, key: str) -> str:
        """The absolute path."""
        return str(self._path(key))

    def _age(self, path: Path) -> float:
        """For how many seconds nobody has written or found a file again."""
        return self.clock() - path.lstat().st_mtime

    def _holds(self, key: str, data: bytes) -> bool:
        try:
            return self.get(key) == data
        except PulseError as error:
            if error.code != "store.missing":
                raise
            return False

    def _path(self, key: str) -> Path:
        folder, _, name = check_key(key).rpartition("/")
        return self._folder(folder) / name

    def _folder(self, relative: str) -> Path:
        """A folder below the root. Raises where a part of it is a link, which could lead elsewhere."""
        folder = self.root
        for part in relative.split("/") if relative else ():
            folder = folder / part
            if folder.is_symlink():
                raise PulseError(
                    "store.link",
                    f"{folder} is a symbolic link.",
                    "A store holds plain folders and files only.",
                )
        return folder

    def _walk(self, folder: Path, prefix: str) -> Iterator[str]:
        with _refusals(folder):
            try:
                entries = sorted(os.scandir(folder), key=_as_in_key)
            except (FileNotFoundError, NotADirectoryError):
                return
        for entry in entries:
            key = os.path.relpath(entry.path, self.root)
            if entry.name.startswith(".") or not (key.startswith(prefix) or prefix.startswith(key + "/")):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk(Path(entry.path), prefix)
            elif entry.is_file(follow_symlinks=False):
                yield key

    def _write(self, path: Path, data: bytes, *, replace: bool) -> bool:
        _make_folder(path.parent)
        fresh = path.parent / f".{secrets.token_hex(8)}.tmp"
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(descriptor)
            if replace:
                fresh.replace(path)
            else:
                os.link(fresh, path)
        except FileExistsError:
            _flush_folder(path.parent)  # the winner may not have come so far: its object is durable now
            return False
        finally:
            fresh.unlink(missing_ok=True)
        _flush_folder(path.parent)
        return True


def _put_back(aside: Path, path: Path) -> None:
    """Give an object that was set aside its name again, unless somebody has written it anew."""
    if path.exists():
        aside.unlink()
    else:
        aside.rename(path)
    _flush_folder(path.parent)


def _renewed(path: Path) -> bool:
    """Give a file the time of now; False where it has just gone."""
    try:
        os.utime(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _as_in_key(entry: os.DirEntry[str]) -> str:
    """Sorts the entries of a folder as the whole keys sort."""
    return entry.name + "/" if entry.is_dir(follow_symlinks=False) else entry.name


def _make_folder(folder: Path) -> None:
    """Make a folder and its parents, each flushed into the one above."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _flush_folder(folder.parent)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _missing(key: str, path: Path) -> PulseError:
    return PulseError("store.missing", f"The store has no {key} ({path}).")


@contextlib.contextmanager
def _refusals(path: Path) -> Iterator[None]:
    """The system's refusals as ours, naming the path."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise UnavailableError(
                "store.full", f"{path} cannot be written: {error.strerror}.", "Free some space and try again."
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise PulseError(
                "store.denied", f"{path}: {error.strerror}.", "Give this user access to the store's folder."
            ) from error
        if error.errno == errno.ELOOP:
            raise PulseError(
                "store.link", f"{path} is a symbolic link.", "A store holds plain folders and files only."
            ) from error
        raise UnavailableError("store.failed", f"{path}: {error.strerror or error}.") from error
