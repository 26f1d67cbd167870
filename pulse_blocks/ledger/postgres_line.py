"""A connection to PostgreSQL that comes back after the server was away."""

from __future__ import annotations

import contextlib
import select
import threading
import time
from collections.abc import Generator, Iterator
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from pulse_blocks.errors import PulseError, SilentError, UnavailableError
from pulse_blocks.ledger.base import Durability

CONNECT_SECONDS = 5
# A writer that waits longer than this for another one, or for a silent server, gives up.
PATIENCE_SECONDS = 10
_COMMITS: dict[Durability, str] = {"full": "on", "process": "off"}


class _SilenceError(psycopg.OperationalError):
    """The server said nothing for too long."""


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """One that may give up on a server that takes what it is told, and says nothing.

    TCP's own bounds do not see that: the kernel of a machine whose server hangs acknowledges everything.
    """

    patience: float | None = None

    def wait(self, gen: Generator[Any, Any, Any], *args: Any, **kwargs: Any) -> Any:
        """As psycopg has it, but for ``patience`` seconds without a word at most; then it is closed."""
        if self.patience is None:
            return super().wait(gen, *args, **kwargs)
        try:
            return super().wait(_impatient(gen, self.patience), *args, **kwargs)
        except _SilenceError:
            self.pgconn.finish()
            raise


def _impatient(gen: Generator[Any, Any, Any], seconds: float) -> Generator[Any, Any, Any]:
    """What psycopg waits for, step by step. It asks again ten times a second while nothing comes."""
    try:
        wanted = next(gen)
        heard = time.monotonic()
        while True:
            ready = yield wanted
            if ready:
                heard = time.monotonic()
            elif time.monotonic() - heard > seconds:
                raise _SilenceError(f"it has said nothing for {seconds:g} s")
            step = gen.send(ready)
            wanted = step if ready else wanted
    except StopIteration as end:
        return end.value


def connect(url: str, durability: Durability = "full", patience: float | None = None) -> Connection:
    """A connection in autocommit mode. Raises what psycopg raises: use it within ``translated``.

    With ``patience`` it gives up on a server that says nothing for so many seconds.
    """
    given = conninfo_to_dict(url)
    settings = (
        f"-c synchronous_commit={_COMMITS[durability]} -c lock_timeout={PATIENCE_SECONDS}s"
        " -c idle_in_transaction_session_timeout=60s -c timezone=UTC"
    )
    defaults: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "application_name": "pulse",
        "client_encoding": "utf8",
        "keepalives_idle": PATIENCE_SECONDS,
        "tcp_user_timeout": PATIENCE_SECONDS * 1000,
    }
    options = {"options": f"{given.get('options') or ''} {settings}".strip()}
    connection = Connection.connect(url, autocommit=True, **{**defaults, **given, **options})
    connection.patience = patience
    return connection


def place_of(url: str) -> str:
    """A database's name for people, without user and password."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise PulseError(
            "ledger.url", "The ledger's PostgreSQL URL cannot be understood.",
            "Use a URL of the form postgresql://user:${PASSWORD}@host:5432/database.",
        ) from None  # fmt: skip
    port = f":{given['port']}" if given.get("port") else ""
    return f"postgresql://{given.get('host') or 'localhost'}{port}/{given.get('dbname') or ''}"


@contextlib.contextmanager
def translated(place: str) -> Iterator[None]:
    """What psycopg raises comes out as ours, with the first line of what the server said."""
    try:
        yield
    except (psycopg.IntegrityError, psycopg.DataError) as error:
        raise PulseError(
            "ledger.refused", f"The ledger {place} refused a row: {_first_line(error)}."
        ) from error
    except psycopg.Error as error:
        kind = SilentError if isinstance(error, _SilenceError) else UnavailableError
        raise kind(
            "ledger.unavailable",
            f"The ledger {place} cannot be used: {_first_line(error)}.",
            "Check that the server runs, can be reached, and that its disk is not full.",
        ) from error


class Line:
    """One connection for one thread at a time, opened when it is needed and again when it was cut."""

    def __init__(self, url: str, place: str, durability: Durability, patience: float) -> None:
        """``patience``: for how many seconds the server may say nothing."""
        self._patience = patience
        self._url = url
        self._place = place
        self._durability = durability
        self._lock = threading.Lock()
        self._connection: Connection | None = None

    @contextlib.contextmanager
    def use(self) -> Iterator[Connection]:
        """The connection. One that breaks while it is used is not used again."""
        with self._lock, translated(self._place):
            connection = self._connected()
            try:
                yield connection
            finally:
                if connection.closed or connection.broken:
                    self._drop()

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            self._drop()

    def _connected(self) -> Connection:
        if self._connection is None or _is_cut(self._connection):
            self._drop()
            self._connection = connect(self._url, self._durability, self._patience)
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
            self._connection = None


def _is_cut(connection: Connection) -> bool:
    """Whether the server has hung up. An idle connection has nothing to read, unless it was."""
    if connection.closed or connection.broken:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _first_line(error: psycopg.Error) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")
