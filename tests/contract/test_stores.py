"""What every store must do, whatever it is made of. A new store joins by its kind."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.stores import Store, open_store

KEY = "chunks/aa/aabb.parquet"
KINDS = [
    "disk",
    pytest.param("s3", marks=pytest.mark.xdist_group("s3")),
    pytest.param("s3-locked", marks=pytest.mark.xdist_group("s3")),
]
BAD_KEYS = [
    "",
    "/etc/passwd",
    "../outside",
    "chunks/../../outside",
    "chunks//aa",
    "chunks/aa/",
    ".hidden",
    "chunks/.tmp",
    "a\\b",
    "a b",
    "a\n",
    "a\x00b",
    "ä",
    "a" * 200,
    "/".join("abcdefghi"),
]


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store of each kind. Of the locked one a bucket with versions and one for the claims."""
    if request.param == "disk":
        return open_store(str(tmp_path / "store"))
    s3 = request.getfixturevalue("s3")
    if request.param == "s3":
        return open_store(f"s3://{s3.bucket()}/some/where")
    return open_store(f"s3://{s3.bucket(locked=True)}?claims={s3.bucket()}")


def test_put_and_get(store: Store) -> None:
    """What was put comes back, byte for byte, and its size is known."""
    assert store.put(KEY, b"\x00data\xff") == 6
    assert store.get(KEY) == b"\x00data\xff"
    assert store.size(KEY) == 6


def test_put_again_writes_nothing(store: Store) -> None:
    """The same object a second time adds no bytes."""
    store.put(KEY, b"data")
    assert store.put(KEY, b"data") == 0


def test_put_heals(store: Store) -> None:
    """Other bytes below a key that names its content are damage: put replaces them, of the same size or not."""
    store.put(KEY, b"dat_")
    assert store.put(KEY, b"data") == 4
    assert store.put(KEY, b"data and more") == 13
    assert store.get(KEY) == b"data and more"


def test_create_once(store: Store) -> None:
    """A claim can be made once, and a second one leaves the first as it is."""
    assert store.create(KEY, b"first") is True
    assert store.create(KEY, b"second") is False
    assert store.get(KEY) == b"first"


def test_create_has_one_winner(store: Store) -> None:
    """Of many threads that claim one key at once, one wins, and every reader sees its whole object."""
    ready = threading.Barrier(8)
    won: list[int] = []
    seen: list[bytes] = []

    def claim(number: int) -> None:
        ready.wait()
        if store.create(KEY, bytes([number]) * 100_000):
            won.append(number)
        seen.append(store.get(KEY))

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert set(seen) == {bytes(won) * 100_000}


def test_missing(store: Store) -> None:
    """An object that is not there has no size, and reading it is an error that names the key."""
    assert store.size(KEY) is None
    with pytest.raises(PulseError, match="aabb") as caught:
        store.get(KEY)
    assert caught.value.code == "store.missing"


def test_a_folder_is_no_object(store: Store) -> None:
    """The beginning of a key, and a key below an object, name nothing."""
    store.put(KEY, b"data")
    for key in ("chunks/aa", KEY + "/more"):
        assert store.size(key) is None
        with pytest.raises(PulseError) as caught:
            store.get(key)
        assert caught.value.code == "store.missing"


def test_keys(store: Store) -> None:
    """Keys come sorted, and a prefix may end anywhere."""
    names = ["a/b/c", "a/b.json", "a-b", "b/x", "a/bc"]
    for name in names:
        store.put(name, b"1")
    assert list(store.keys("")) == sorted(names)
    assert list(store.keys("a/b")) == ["a/b.json", "a/b/c", "a/bc"]
    assert list(store.keys("a/b/")) == ["a/b/c"]
    assert list(store.keys("nothing/")) == []


def test_delete(store: Store) -> None:
    """A deleted object is gone, and deleting it again is no error."""
    store.put(KEY, b"data")
    store.delete(KEY)
    store.delete(KEY)
    assert store.size(KEY) is None
    assert list(store.keys("")) == []


def test_entries(store: Store) -> None:
    """Each has its size and a time by the store's clock, which goes like every clock."""
    before = store.clock()
    store.put("a/b", b"12345")
    store.create("a/c", b"1")
    first, second = store.entries("a/")
    assert (first.key, first.size, second.key, second.size) == ("a/b", 5, "a/c", 1)
    assert before - 2 <= first.modified <= store.clock() + 1
    assert list(store.entries("b")) == []


def test_what_is_in_use_is_not_deleted(store: Store) -> None:
    """An object that was written a moment ago stays; one that nobody needed for so long goes."""
    store.put(KEY, b"data")
    assert store.delete_unused(KEY, 60.0) is False
    assert store.get(KEY) == b"data"
    assert store.delete_unused(KEY, 0.0) is True
    assert store.size(KEY) is None
    assert store.delete_unused(KEY, 0.0) is True


def test_nothing_is_half_written(store: Store) -> None:
    """After whole writes nothing is left over."""
    store.put(KEY, b"data")
    store.create("a", b"data")
    assert store.unfinished(0.0, delete=False) == 0


def test_many_keys(store: Store) -> None:
    """More objects than fit one answer of a server are all named."""
    names = [f"many/{number:04}" for number in range(1_050 if store.uri.startswith("s3:") else 50)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: store.put(name, b"1"), names))
    assert list(store.keys("many/")) == names


@pytest.mark.parametrize("key", BAD_KEYS)
def test_bad_keys(store: Store, key: str) -> None:
    """A key that could lead out of the store, or name a temporary file, is refused by every method."""
    calls = [
        lambda: store.put(key, b""),
        lambda: store.create(key, b""),
        lambda: store.get(key),
        lambda: store.size(key),
        lambda: store.delete(key),
        lambda: store.delete_unused(key, 0.0),
        lambda: store.locked_until(key),
        lambda: store.locate(key),
    ]
    for call in calls:
        with pytest.raises(PulseError) as caught:
            call()
        assert caught.value.code == "store.key"


def test_bad_prefix(store: Store) -> None:
    """So is the beginning of one."""
    for prefix in ("../", "/etc", "a/../b"):
        with pytest.raises(PulseError):
            list(store.keys(prefix))


def test_locate(store: Store) -> None:
    """A person is told where the object is."""
    assert store.locate(KEY).startswith(store.uri)
    assert store.locate(KEY).endswith(KEY)
