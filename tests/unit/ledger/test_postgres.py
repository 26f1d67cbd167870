"""PostgreSQL: what a commit survives, what happens while the server is away, and what is told."""

from __future__ import annotations

import sys
import threading

import pytest

from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.ledger import Ledger, migrate, open_ledger, postgres, postgres_line
from pulse_blocks.ledger.base import Durability, InferenceTuple
from pulse_blocks.ledger.postgres_line import connect
from pulse_blocks.ledger.rows import NewLabel
from tests.postgres_server import PostgresServer
from tests.waiting import until


def row(name: str, key: str | None = None) -> InferenceTuple:
    return (f"inference_{name}", 1, None, key, "m", "{}", "{}", b"\0" * 32, b"\1" * 32, 1, 0)


@pytest.mark.parametrize(("durability", "level"), [("full", "on"), ("process", "off")])
def test_commits_are_as_durable_as_asked(postgres_ledger: str, durability: Durability, level: str) -> None:
    """``full`` waits for the server's disk, ``process`` does not."""
    with connect(postgres_ledger, durability) as connection:
        assert connection.execute("show synchronous_commit").fetchone() == (level,)


def test_a_server_that_comes_back_is_used_again(
    postgres_server: PostgresServer, postgres_ledger: str
) -> None:
    """While it is away every call fails with one clear error; afterwards the same ledger works, rows and all."""
    migrate(postgres_ledger)
    with open_ledger(postgres_ledger) as ledger:
        ledger.append([row("a")])
        ledger.label([NewLabel(inference="inference_a", value="1")])
        postgres_server.stop()
        try:
            for call in (
                lambda: ledger.append([row("b")]),
                lambda: ledger.label([NewLabel(inference="inference_a", value="2")]),
                lambda: ledger.champion("m"),
            ):
                with pytest.raises(UnavailableError) as away:
                    call()
                assert away.value.code == "ledger.unavailable"
        finally:
            postgres_server.start()
        ledger.append([row("c")])
        ledger.label([NewLabel(inference="inference_a", value="3")])
        assert [label.value for label in ledger.labels("inference_a")] == ["1", "3"]
        assert {one.id for one in ledger.each_inference()} == {"inference_a", "inference_c"}


def test_a_server_that_says_nothing_is_given_up(
    postgres_server: PostgresServer, postgres_ledger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is asked of it: no thread waits for ever, and once it speaks again the same ledger works."""
    migrate(postgres_ledger)
    monkeypatch.setattr(postgres, "PATIENCE_SECONDS", 1.0)
    monkeypatch.setattr(postgres_line, "CONNECT_SECONDS", 2)
    with open_ledger(postgres_ledger) as ledger:
        ledger.label([NewLabel(inference="inference_a", value="1")])
        assert ledger.champion("m") is None
        with postgres_server.silent():
            for call in (
                lambda: ledger.label([NewLabel(inference="inference_a", value="2")]),
                lambda: ledger.champion("m"),
            ):
                with pytest.raises(UnavailableError):
                    call()
        assert next(label.value for label in ledger.labels("inference_a")) == "1"


def test_a_write_that_is_cut_fails_and_leaves_nothing(postgres_ledger: str) -> None:
    """The server ends the connection in the middle of a transaction: an error, no row, and the next one works."""
    migrate(postgres_ledger)
    with open_ledger(postgres_ledger) as ledger:

        def cut() -> None:
            with ledger._database.write() as transaction:
                transaction.execute("insert into labels (inference, value, at) values ('i', '1', 1)")
                transaction.execute("select pg_terminate_backend(pg_backend_pid())")

        with pytest.raises(UnavailableError):
            cut()
        assert ledger.labels("i") == []
        assert ledger.label([NewLabel(inference="i", value="2")]) == 1


def test_writers_wait_for_each_other(postgres_ledger: str) -> None:
    """What a transaction has read stays true until it commits; inferences wait for nobody."""
    migrate(postgres_ledger)
    with open_ledger(postgres_ledger) as one, open_ledger(postgres_ledger) as other:
        done = threading.Event()

        def label() -> None:
            other.label([NewLabel(inference="i", value="1")])
            done.set()

        with one._database.write() as transaction:
            waiting = threading.Thread(target=label)
            waiting.start()
            other.append([row("a")])
            assert not done.wait(0.2)
            assert transaction.execute("select count(*) from labels") == [(0,)]
        waiting.join()
        assert one.labels("i")


def test_text_that_it_cannot_hold_breaks_no_group(postgres_ledger: str) -> None:
    """A NUL character in a client's key is replaced, and the rows beside it are kept; as a question it finds none."""
    migrate(postgres_ledger)
    with open_ledger(postgres_ledger) as ledger:
        ledger.append([row("a", "x\0y"), row("b", "z")])
        assert ledger.inference("inference_a").source_key == "x\ufffdy"
        assert ledger.models_of(["inference_\0", "inference_b"]) == {"inference_b": "m"}


@pytest.mark.parametrize(
    "change", ["delete from {}", "update {} set at = 0", "truncate {}", "delete from {} where false"]
)
@pytest.mark.parametrize("table", ["inferences", "promotions", "labels", "audit"])
def test_facts_cannot_be_changed(kept: Ledger, table: str, change: str) -> None:
    """The database itself refuses to change a fact, row by row or all at once."""
    with pytest.raises(PulseError, match="append-only"), kept._database.write() as transaction:
        transaction.execute(change.format(table))


@pytest.fixture(scope="module")
def kept(postgres_server: PostgresServer) -> Ledger:
    """A ledger without rows."""
    url = postgres_server.new_database()
    migrate(url)
    return open_ledger(url)


def test_a_password_is_never_told() -> None:
    """Neither where the server is out of reach nor where the URL makes no sense."""
    for url in ("postgresql://pulse:hunter2@127.0.0.1:1/ledger", "postgresql://pulse:hunter2@[/ledger"):
        for call in (open_ledger, migrate):
            with pytest.raises(PulseError) as error:
                call(url)
            assert "hunter2" not in str(error.value)
            assert error.value.code in {"ledger.unavailable", "ledger.url"}


def test_a_secret_may_come_from_the_environment(
    postgres_ledger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``${NAME}`` in the URL, as in every other URL of the workspace."""
    monkeypatch.setenv("LEDGER_USER", "pulse")
    url = postgres_ledger.replace("pulse@", "${LEDGER_USER}@")
    migrate(url)
    open_ledger(url).close()


def test_a_missing_driver_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the way to install it."""
    for name in [
        name for name in sys.modules if name.startswith(("pulse_blocks.ledger.postgres", "psycopg"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(PulseError, match="postgres") as error:
        open_ledger("postgresql://host/ledger")
    assert error.value.code == "ledger.extra_missing"


def test_a_restart_under_load_loses_no_row(postgres_server: PostgresServer, postgres_ledger: str) -> None:
    """Every append that returned is there after the server was killed and started again."""
    migrate(postgres_ledger)
    acknowledged: list[str] = []
    stop = threading.Event()

    def write(ledger: Ledger) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            try:
                ledger.append([row(f"{number:06d}")])
            except UnavailableError:
                continue
            acknowledged.append(f"inference_{number:06d}")

    with open_ledger(postgres_ledger) as ledger:
        writer = threading.Thread(target=write, args=(ledger,))
        writer.start()
        assert until(lambda: len(acknowledged) > 50, 10)
        postgres_server.stop()
        postgres_server.start()
        before = len(acknowledged)
        assert until(lambda: len(acknowledged) > before + 50, 10)
        stop.set()
        writer.join()
        assert set(acknowledged) <= {one.id for one in ledger.each_inference()}
