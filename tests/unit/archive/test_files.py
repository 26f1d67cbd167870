"""Files of inferences: what goes in comes out, ids are found, and nothing is believed without its hash."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pulse_blocks import archive
from pulse_blocks.archive import InferenceWriter
from pulse_blocks.errors import PulseError
from pulse_blocks.ids import new_inference_id
from pulse_blocks.ledger import Ledger, migrate, open_ledger
from pulse_blocks.ledger.base import InferenceTuple
from pulse_blocks.ledger.inference_files import InferenceFile, put_files
from pulse_blocks.settings import Workspace
from pulse_blocks.stores import Store, open_store


def rows(count: int, model: str = "tiny@1.0.0-aaaaaaa") -> list[InferenceTuple]:
    """Rows as the runtime makes them, some without event time and key."""
    made = sorted(new_inference_id() for _ in range(count))
    return [
        (
            one, 1_700_000_000_000_000 + at, None if at % 3 else -5, None if at % 2 else f'["é", "{at}"]', model,
            f'{{"a":{at}}}', f'{{"value":{at}}}', hashlib.sha256(b"%d" % at).digest(), bytes(32), at, at % 4,
        )
        for at, one in enumerate(made)
    ]  # fmt: skip


def file_of(ledger: Ledger, store: Store, key: str, *groups: list[InferenceTuple]) -> InferenceFile:
    """A file with a row group for each of the groups, known to the ledger."""
    writer = InferenceWriter()
    for group in groups:
        writer.add(group)
    data, sha256 = writer.finish()
    store.put(key, data)
    file = writer.described(key, sha256, len(data))
    with ledger._database.write() as transaction:
        put_files(transaction, [file])
    return file


@pytest.fixture
def ledger(workspace: Workspace) -> Ledger:
    """An empty ledger."""
    migrate(workspace.ledger)
    return open_ledger(workspace.ledger)


@pytest.fixture
def store(workspace: Workspace) -> Store:
    """An empty store."""
    return open_store(workspace.store)


def test_a_file_gives_back_what_the_ledger_would(ledger: Ledger, store: Store) -> None:
    """Row by row the same as from the table, whatever is null, negative or not ASCII."""
    made = rows(50)
    ledger.append(made)
    file = file_of(ledger, store, "archive/a.parquet", made[:20], made[20:])
    assert list(archive.inferences(store, file)) == list(ledger.each_inference())
    assert (file.first_id, file.last_id, file.rows) == (made[0][0], made[-1][0], 50)


def test_every_id_is_found_in_its_file(ledger: Ledger, store: Store) -> None:
    """In any row group of any file, and its beginning where that is unique; nothing where there is none."""
    first, second = rows(60), rows(30)
    file_of(ledger, store, "archive/a.parquet", first[:20], first[20:40], first[40:])
    file_of(ledger, store, "archive/b.parquet", second)
    for row in (first[0], first[19], first[20], first[59], second[0], second[29]):
        (found,) = archive.find(ledger, store, row[0])
        assert (found.inference.id, found.inference.input) == (row[0], row[5])
        assert archive.find(ledger, store, row[0][:-1])[0].inference.id <= row[0]
    assert archive.find(ledger, store, new_inference_id()) == []
    assert archive.find(ledger, store, first[30][0] + "x") == []
    assert [one.inference.id for one in archive.find(ledger, store, "inference_")] == [
        first[0][0],
        first[1][0],
    ]


def test_files_whose_ids_overlap(ledger: Ledger, store: Store) -> None:
    """Scorings that ran at once have ids between each other's: each is found in its own file."""
    made = rows(40)
    file_of(ledger, store, "archive/even.parquet", made[0::2])
    file_of(ledger, store, "archive/odd.parquet", made[1::2])
    for at in (0, 1, 20, 21, 38, 39):
        (found,) = archive.find(ledger, store, made[at][0])
        assert found.file.key == ("archive/odd.parquet" if at % 2 else "archive/even.parquet")
    assert [one.inference.id for one in archive.find(ledger, store, "inference_")] == [made[0][0], made[1][0]]


def test_models_and_ids_of_files(ledger: Ledger, store: Store) -> None:
    """Counts come from the index, ids and models of ids from the files."""
    mine, other = rows(10), rows(5, "tiny@1.0.0-bbbbbbb")
    file_of(ledger, store, "archive/a.parquet", [*mine, *other])
    assert ledger.filed_counts() == {"tiny@1.0.0-aaaaaaa": 10, "tiny@1.0.0-bbbbbbb": 5}
    assert list(archive.ids_of(ledger, store, "tiny@1.0.0-bbbbbbb")) == [row[0] for row in other]
    asked = [mine[3][0], other[4][0], new_inference_id()]
    assert archive.models_of(ledger, store, asked) == {asked[0]: mine[3][4], asked[1]: other[4][4]}


@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_a_damaged_file_is_refused(ledger: Ledger, store: Store, workspace: Workspace, damage: str) -> None:
    """One bit, a missing end, no file at all: an error that names it, never a wrong row."""
    made = rows(20)
    file = file_of(ledger, store, "archive/a.parquet", made)
    path = Path(workspace.store) / "archive" / "a.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(data if damage == "flip" else data[:-100])
    for read in (
        lambda: archive.find(ledger, store, made[0][0]),
        lambda: list(archive.inferences(store, file)),
    ):
        with pytest.raises(PulseError, match=r"a\.parquet") as caught:
            read()
        assert caught.value.code == ("store.missing" if damage == "gone" else "archive.corrupt")


def test_ids_that_do_not_ascend_are_no_file() -> None:
    """A lookup goes by the order: whoever writes must keep it, within a group and from one to the next."""
    made = rows(4)
    writer = InferenceWriter()
    writer.add(made[2:])
    for wrong in (made[:2], made[2:3], [made[3], made[3]]):
        with pytest.raises(ValueError, match="ascend"):
            writer.add(wrong)
