"""The store in a folder: what only a file system can do to it."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.stores import open_store


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_opening_touches_nothing(tmp_path: Path) -> None:
    """A store can be opened where nothing is, and looking at it makes nothing."""
    store = open_store(str(tmp_path / "store"))
    assert list(store.keys()) == []
    assert store.size("a") is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("uri", ["gs://bucket/x", "https://example.com", "", "file://"])
def test_unsupported(uri: str) -> None:
    """Another kind of store is refused with the supported forms."""
    with pytest.raises(PulseError, match="Supported are") as caught:
        open_store(uri)
    assert caught.value.code == "store.unsupported"


def test_no_space_leaves_nothing(tmp_path: Path) -> None:
    """A write that fails half way names the path and leaves neither object nor temporary file."""
    store = open_store(str(tmp_path))
    store.put("a/small", b"1")
    # A limit on the size of files makes the kernel stop the write, as a full disk does.
    code = f"""
import resource, signal
from pulse_blocks.stores import open_store
from pulse_blocks.errors import UnavailableError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, {resource.RLIM_INFINITY}))
store = open_store({str(tmp_path)!r})
for write in (store.put, store.create):
    try:
        write("a/large", b"x" * 100_000)
    except UnavailableError as error:
        assert error.code == "store.full" and "a/large" in error.message, error
    else:
        raise SystemExit("written")
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert _files(tmp_path) == ["a/small"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_denied(tmp_path: Path) -> None:
    """A folder that may not be written is named."""
    (tmp_path / "a").mkdir(mode=0o500)
    with pytest.raises(PulseError, match=str(tmp_path)) as caught:
        open_store(str(tmp_path)).put("a/b", b"1")
    assert caught.value.code == "store.denied"


def test_file_in_the_way(tmp_path: Path) -> None:
    """A file where the folder should be is an error of its own, not a traceback."""
    (tmp_path / "store").write_text("no folder")
    with pytest.raises(UnavailableError, match="store"):
        open_store(str(tmp_path / "store")).put("a/b", b"1")


def test_links_are_refused(tmp_path: Path) -> None:
    """Neither a linked object nor a linked folder is followed, for reading or writing."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    store = open_store(str(tmp_path / "store"))
    store.put("a/real", b"1")
    (tmp_path / "store" / "a" / "link").symlink_to(outside / "secret")
    (tmp_path / "store" / "folder").symlink_to(outside)
    for key in ("a/link", "folder/secret"):
        with pytest.raises(PulseError) as caught:
            store.get(key)
        assert caught.value.code == "store.link"
    with pytest.raises(PulseError):
        store.put("folder/new", b"1")
    assert list(store.keys()) == ["a/real"]
    assert _files(outside) == ["secret"]


def test_put_replaces_a_link(tmp_path: Path) -> None:
    """Writing over a link replaces the link and not what it points at."""
    target = tmp_path / "target"
    target.write_text("kept")
    store = open_store(str(tmp_path / "store"))
    store.put("a/b", b"1")
    (tmp_path / "store" / "a" / "c").symlink_to(target)
    store.put("a/c", b"new!")
    assert target.read_text() == "kept"
    assert store.get("a/c") == b"new!"


def test_killed_writer_leaves_no_object(tmp_path: Path) -> None:
    """A process killed before the object has its name leaves at most a hidden file that no key names."""
    code = f"""
import os
from pulse_blocks.stores import open_store
os.link = os.replace = lambda *_: os.kill(os.getpid(), 9)
import pathlib
pathlib.Path.replace = lambda *_: os.kill(os.getpid(), 9)
open_store({str(tmp_path)!r}).{{write}}("a/b", b"data")
"""
    for write in ("put", "create"):
        done = subprocess.run([sys.executable, "-c", code.replace("{write}", write)], check=False)
        assert done.returncode == -9
    store = open_store(str(tmp_path))
    assert list(store.keys()) == []
    assert store.size("a/b") is None
    assert store.create("a/b", b"data")


def test_fsync_comes_before_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk cannot flush the bytes, the object does not appear."""

    def refuse(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    store = open_store(str(tmp_path))
    store.put("a/first", b"1")
    monkeypatch.setattr(os, "fsync", refuse)
    for write in (store.put, store.create):
        with pytest.raises(UnavailableError, match="a/b"):
            write("a/b", b"data")
    assert list(store.keys()) == ["a/first"]


def _age(path: Path) -> None:
    os.utime(path, (0, 0))


def _renewed_when_set_aside(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Somebody finds an old object again after a collector has looked, just before it is set aside."""
    rename = Path.rename

    def late(self: Path, target: Path) -> Path:
        if self == path:
            os.utime(self)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", late)


def test_a_young_object_is_never_out_of_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector that looks at it does not touch it: nobody finds it missing meanwhile."""
    store = open_store(str(tmp_path))
    store.put("a/b", b"data")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for name in ("rename", "link", "unlink", "replace"):
        monkeypatch.setattr(os, name, refuse)
    assert store.delete_unused("a/b", 3600.0) is False
    assert store.get("a/b") == b"data"


def test_what_is_renewed_when_it_is_set_aside_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also on a disk that is full: it is put back without a new link."""
    store = open_store(str(tmp_path))
    store.put("a/b", b"data")
    _age(tmp_path / "a" / "b")
    _renewed_when_set_aside(monkeypatch, tmp_path / "a" / "b")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "link", full)
    assert store.delete_unused("a/b", 3600.0) is False
    assert store.get("a/b") == b"data"
    assert _files(tmp_path) == ["a/b"]


def test_a_collector_killed_with_an_object_aside(tmp_path: Path) -> None:
    """The next one puts the object back, and leaves it to the one after that; a newer one of its name stays."""
    store = open_store(str(tmp_path))
    code = f"""
import os, pathlib
from pulse_blocks.stores import open_store
rename = pathlib.Path.rename
def killed(path, target):
    rename(path, target)
    os.kill(os.getpid(), 9)
pathlib.Path.rename = killed
open_store({str(tmp_path)!r}).delete_unused("a/b", 3600.0)
"""
    for again in (False, True):
        store.put("a/b", b"data")
        _age(tmp_path / "a" / "b")
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
        assert list(store.keys()) == []
        if again:
            store.put("a/b", b"anew")
        assert store.unfinished(3600.0, delete=False) == 0
        store.unfinished(3600.0, delete=True)
        assert store.get("a/b") == (b"anew" if again else b"data")
        assert _files(tmp_path) == ["a/b"]
