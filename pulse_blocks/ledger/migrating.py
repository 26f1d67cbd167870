"""Bringing a ledger's schema up to date with Alembic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pysqlite3
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from pulse_blocks.errors import UnavailableError
from pulse_blocks.ledger import sqlite

SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(url: str) -> None:
    """Apply all migrations that are missing, in one transaction that other processes wait for."""
    engine = engine_of(url)
    try:
        with engine.begin() as connection:
            command.upgrade(alembic_config(connection), "head")
    except (OSError, DBAPIError, pysqlite3.Error) as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        raise UnavailableError(
            "ledger.unavailable",
            f"The ledger {_place(url)} cannot be created: {str(reason).strip()}.",
            "Check that its place exists and may be written.",
        ) from error


def alembic_config(connection: Any) -> Config:
    """Alembic's settings for the packaged scripts and an open connection."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def engine_of(url: str) -> Engine:
    """An engine whose transactions exclude other writers from their start. It keeps no connection open."""
    if not url.startswith(sqlite.SCHEME):
        return _postgres(url)
    path = sqlite.path_of(url)

    def open_file() -> Any:
        path.parent.mkdir(parents=True, exist_ok=True)
        return sqlite.connect(path)

    # The wheel's own SQLite: the system's may be one that two processes can corrupt.
    engine = create_engine("sqlite://", module=pysqlite3, creator=open_file, poolclass=NullPool)
    _begin_with(engine, "begin immediate")
    return engine


def _postgres(url: str) -> Engine:
    from pulse_blocks.ledger.postgres import WRITERS_LOCK
    from pulse_blocks.ledger.postgres_line import connect

    def open_connection() -> Any:
        connection = connect(url)
        connection.autocommit = False
        return connection

    engine = create_engine("postgresql+psycopg://", creator=open_connection, poolclass=NullPool)
    _begin_with(engine, f"select pg_advisory_xact_lock({WRITERS_LOCK})")
    return engine


def _begin_with(engine: Engine, statement: str) -> None:
    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql(statement)


def _place(url: str) -> str:
    if url.startswith(sqlite.SCHEME):
        return str(sqlite.path_of(url))
    from pulse_blocks.ledger.postgres_line import place_of

    return place_of(url)
