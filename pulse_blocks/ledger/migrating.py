"""Bringing a ledger's schema up to date with Alembic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pysqlite3
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event

from pulse_blocks.errors import UnavailableError
from pulse_blocks.ledger.sqlite import connect, path_of

SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(url: str) -> None:
    """Apply all migrations that are missing, in one transaction that other processes wait for."""
    path = path_of(url)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        engine = engine_of(path)
        with engine.begin() as connection:
            command.upgrade(alembic_config(connection), "head")
        engine.dispose()
    except (OSError, pysqlite3.Error) as error:
        raise UnavailableError(
            "ledger.unavailable", f"The ledger {path} cannot be created: {error}.", "Check that folder."
        ) from error


def alembic_config(connection: Any) -> Config:
    """Alembic's settings for the packaged scripts and an open connection."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def engine_of(path: Path) -> Engine:
    """An engine on the wheel's own SQLite, whose transactions exclude other writers from their start."""
    engine = create_engine("sqlite://", module=pysqlite3, creator=lambda: connect(path))

    @event.listens_for(engine, "begin")
    def begin_immediate(connection: Any) -> None:
        connection.exec_driver_sql("begin immediate")

    return engine
