"""Old inferences leave the ledger for files: each is afterwards in exactly one of the two, in each kind of database."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from pulse_blocks import archive
from pulse_blocks.archive import moving
from pulse_blocks.archive.expiring import clear, expire
from pulse_blocks.archive.maintaining import maintain, names_in, seal
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.inference_files import put_files
from pulse_blocks.ledger.rows import NewLabel
from pulse_blocks.protocol.spec import RetentionSpec
from pulse_blocks.settings import Workspace
from pulse_blocks.stores import Store
from tests.old_inferences import MODEL, NOW, old

OTHER = "tiny-other@1.0.0-aaaaaaa"
_DAY = dt.timedelta(days=1)


@pytest.fixture(
    params=["sqlite", "postgresql", pytest.param("files in S3", marks=pytest.mark.xdist_group("s3"))]
)
def any_ledger(request: pytest.FixtureRequest, workspace: Workspace) -> Workspace:
    """The workspace with its ledger in each kind of database, and with its files on a real S3 server."""
    if request.param == "files in S3":
        server = request.getfixturevalue("s3")
        return msgspec.structs.replace(workspace, store=f"s3://{server.bucket()}/pulse?endpoint={server.url}")
    if request.param == "postgresql":
        return msgspec.structs.replace(workspace, ledger=request.getfixturevalue("postgres_ledger"))
    return workspace


def filed(ledger: Ledger, store: Store) -> list[str]:
    """The ids in all files that are there."""
    return [
        one.id
        for file in ledger.inference_files()
        if file.deleted is None
        for one in archive.inferences(store, file)
    ]


def test_old_days_move_and_young_ones_stay(
    ledger: Ledger, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row by row the same as before, found by id, counted, with their labels; other names are left alone."""
    monkeypatch.setattr(moving, "FILE_ROWS", 7)
    first, second, young = old(20, 100), old(5, 95.2), old(3, 2)
    others = old(4, 99.9, OTHER)
    ledger.append([*first, *second, *young, *others])
    before = {one.id: one for one in ledger.each_inference()}
    ledger.label([NewLabel(inference=first[3][0], value="true")])

    said = moving.move(ledger, store, "tiny", NOW - 90 * _DAY, dry_run=True)
    assert (said.rows, said.files, len(list(ledger.inference_files()))) == (25, (), 0)
    moved = moving.move(ledger, store, "tiny", NOW - 90 * _DAY)

    assert moved.days == said.days == {"2026-04-23": 20, "2026-04-28": 5}
    assert [file.rows for file in ledger.inference_files()] == [7, 7, 6, 5]
    assert [one.id for one in ledger.each_inference()] == sorted(row[0] for row in [*young, *others])
    for row in [*first, *second]:
        (found,) = archive.find(ledger, store, row[0])
        assert found.inference == before[row[0]]
    assert ledger.filed_counts() == {MODEL: 25}
    assert [label.value for label in ledger.labels(first[3][0])] == ["true"]
    assert moving.move(ledger, store, "tiny", NOW - 90 * _DAY).rows == 0


def test_a_day_is_moved_whole(ledger: Ledger, store: Store) -> None:
    """The border is midnight: what is older than the age but of the border's day stays."""
    ledger.append([*old(3, 90.4), *old(3, 90.6)])
    assert moving.move(ledger, store, "tiny", NOW - 90 * _DAY).days == {"2026-05-02": 3}


@pytest.mark.parametrize("statement", ["delete from inferences", "update inferences set flags = 1"])
def test_nothing_but_a_verified_move_deletes(ledger: Ledger, statement: str) -> None:
    """The database refuses what no file of the index vouches for."""
    ledger.append(old(3, 100))
    with pytest.raises(PulseError, match="append-only"), ledger._database.write() as transaction:
        transaction.execute(statement)
    assert len(list(ledger.each_inference())) == 3


def test_a_file_vouches_for_its_own_rows_alone(ledger: Ledger, store: Store) -> None:
    """Of another model, or beyond its ids: refused, even while the file is being moved to."""
    rows = old(6, 100)
    ledger.append([*rows, *old(2, 100, OTHER)])
    file = moving._written(store, "archive/tiny/x", rows[:4])

    def delete(where: str) -> None:
        with ledger._database.write() as transaction:
            put_files(transaction, [file])
            transaction.execute("insert into moving (key) values (?)", (file.key,))
            transaction.execute(f"delete from inferences where {where}", (MODEL,))  # noqa: S608 - words of ours

    for where in ("model = ?", "model <> ?"):
        with pytest.raises(PulseError, match="append-only"):
            delete(where)
    assert len(list(ledger.each_inference())) == 8


def test_a_row_that_comes_meanwhile_is_not_lost(ledger: Ledger, store: Store) -> None:
    """An inference between the ids of a file that is not in it: nothing is taken away, and the next try has both."""
    rows = old(6, 100)
    ledger.append([rows[0], *rows[2:]])
    file = moving._written(store, "archive/tiny/x", [rows[0], *rows[2:]])
    ledger.append_missing([rows[1]])
    with pytest.raises(PulseError) as caught:
        ledger.move("tiny", file, [rows[0][0], *(row[0] for row in rows[2:])])
    assert caught.value.code == "archive.changed"
    assert (len(list(ledger.each_inference())), list(ledger.inference_files())) == (6, [])
    assert moving.move(ledger, store, "tiny", NOW).rows == 6
    with pytest.raises(PulseError, match="changed"):
        ledger.move("tiny", next(ledger.inference_files()), [row[0] for row in rows])


@pytest.mark.parametrize("damage", ["flip", "gone"])
def test_what_the_store_does_not_give_back_stays(
    ledger: Ledger, store: Store, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    """A store that loses or changes the file after it took it: an error, and every row is still in the ledger."""
    ledger.append(old(9, 100))
    put = type(store).put

    def faulty(self: Store, key: str, data: bytes) -> int:
        written = put(self, key, data)
        if damage == "gone":
            self.delete(key)
        else:
            put(self, key, data[:200] + b"\x00" + data[201:])
        return written

    monkeypatch.setattr(type(store), "put", faulty)
    with pytest.raises(PulseError):
        moving.move(ledger, store, "tiny", NOW)
    assert (len(list(ledger.each_inference())), list(ledger.inference_files())) == (9, [])


def test_retention_deletes_and_says_so(ledger: Ledger, store: Store) -> None:
    """The file goes, its row stays with the time, counts stay, the audit log tells who; twice is once."""
    ledger.append([*old(5, 500), *old(4, 300)])
    wanted = {"tiny": RetentionSpec(live="90d", archived="365d")}
    done = maintain(ledger, store, wanted, "ann@desk", NOW)
    assert ([one.rows for one in done.moved], [one.rows for one in done.expired]) == ([9], [5])
    gone, there = sorted(ledger.inference_files(), key=lambda file: file.first_id)
    assert (gone.deleted is not None, there.deleted) == (True, None)
    assert (store.size(gone.key), store.size(there.key) is not None) == (None, True)
    assert ledger.filed_counts() == {MODEL: 9}
    assert filed(ledger, store) == [row[0] for row in old(4, 300)]
    (row,) = ledger.audit_rows()
    assert (row.who, row.action, row.subject) == ("ann@desk", "ledger.expire", gone.key)
    again = maintain(ledger, store, wanted, "ann@desk", NOW)
    assert (again.moved[0].rows, again.expired[0].files, len(ledger.audit_rows())) == (0, (), 1)


def test_a_held_name_is_archived_and_never_deleted(ledger: Ledger, store: Store) -> None:
    """Until the hold is released; both steps are in the audit log, and a second hold changes nothing."""
    ledger.append(old(5, 500))
    wanted = {"tiny": RetentionSpec(live="90d", archived="365d")}
    assert ledger.hold("tiny", "case 7", "ann") == ledger.hold("tiny", "case 8", "bob")
    assert [(one.name, one.reason, one.who) for one in ledger.holds()] == [("tiny", "case 7", "ann")]
    done = maintain(ledger, store, wanted, "x", NOW)
    assert (done.moved[0].rows, done.expired[0].files) == (5, ())
    assert list(done.expired[0].kept.values()) == ["held by ann: case 7"]
    (file,) = ledger.inference_files()
    assert ledger.note_deleted("tiny", file, "x") is False
    ledger.release("tiny", "settled", "bob")
    with pytest.raises(PulseError, match="no hold"):
        ledger.release("tiny", "settled", "bob")
    assert ledger.holds() == []
    assert maintain(ledger, store, wanted, "x", NOW).expired[0].rows == 5
    assert [row.action for row in ledger.audit_rows()] == ["ledger.hold", "ledger.release", "ledger.expire"]


def test_files_that_nothing_names_go_in_the_end(ledger: Ledger, store: Store) -> None:
    """Those of a move that was killed, once they are old; those that a killed deletion left, at once."""
    moving._written(store, "archive/tiny/x", old(5, 100))
    ledger.append(old(6, 500))
    moving.move(ledger, store, "tiny", NOW)
    (file,) = ledger.inference_files()
    assert clear(ledger, store, "tiny") == 0
    assert clear(ledger, store, "tiny", seconds=0.0) == 1
    assert ledger.note_deleted("tiny", file, "x") is True
    assert store.size(file.key) is not None
    expire(ledger, store, "tiny", NOW, "x")
    assert store.size(file.key) is None


def test_kept_counts_are_never_wrong(ledger: Ledger, store: Store) -> None:
    """Sealed, then new rows, old rows that a spool brings late, and rows that are archived: always the true count."""
    ledger.append([*old(20, 100), *old(5, 3), *old(2, 0)])
    assert names_in(ledger) == ["tiny"]
    assert ledger.inference_counts([MODEL, OTHER]) == {MODEL: 27, OTHER: 0}
    seal(ledger, NOW)
    assert {model: count for model, (_, count) in ledger.sealed_counts().items()} == {MODEL: 25}
    ledger.append(old(3, 0, seed=1))
    assert ledger.inference_counts([MODEL]) == {MODEL: 30}
    ledger.append_missing([*old(4, 50), *old(20, 100)])
    assert ledger.sealed_counts() == {}
    assert ledger.inference_counts([MODEL]) == {MODEL: 34}
    seal(ledger, NOW)
    moving.move(ledger, store, "tiny", NOW - 90 * _DAY)
    assert ledger.inference_counts([MODEL])[MODEL] + ledger.filed_counts()[MODEL] == 34
