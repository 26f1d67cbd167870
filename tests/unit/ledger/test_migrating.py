"""Migrations: they add up to the schema, twice is once, and two processes do not collide."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import migrate, open_ledger
from pulse_blocks.ledger.base import REVISIONS
from pulse_blocks.ledger.migrating import alembic_config, engine_of
from pulse_blocks.ledger.schema import metadata


def test_migrations_add_up_to_the_schema(tmp_path: Path) -> None:
    """A migrated file holds exactly the tables of schema.py."""
    path = tmp_path / "ledger.db"
    migrate(f"sqlite:///{path}")
    engine = engine_of(f"sqlite:///{path}")
    with engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_code_knows_the_newest_revision() -> None:
    """The list that the runtime compares with is the list of scripts."""
    scripts = ScriptDirectory.from_config(alembic_config(None))
    assert tuple(script.revision for script in scripts.walk_revisions())[::-1] == REVISIONS


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    """What is in the ledger stays."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    migrate(url)
    with open_ledger(url) as ledger:
        ledger.emit("pulse.snapshot.created", "pulse.model.m", {})
    migrate(url)
    with open_ledger(url) as ledger:
        assert len(ledger.unsent()) == 1


def test_processes_may_migrate_at_once(tmp_path: Path) -> None:
    """Four processes that create one ledger at the same moment all succeed."""
    url = f"sqlite:///{tmp_path}/new folder/ledger.db"
    code = f"from pulse_blocks.ledger import migrate; migrate({url!r})"
    processes = [
        subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) for _ in range(4)
    ]
    assert [process.communicate()[1] for process in processes] == [""] * 4
    assert [process.returncode for process in processes] == [0] * 4
    open_ledger(url).close()


def test_an_older_ledger_is_brought_up_to_date(tmp_path: Path) -> None:
    """Every revision can be upgraded from, its facts kept; before that, opening it says what to do."""
    for older in REVISIONS[:-1]:
        path = tmp_path / f"{older}.db"
        engine = engine_of(f"sqlite:///{path}")
        with engine.begin() as connection:
            command.upgrade(alembic_config(connection), older)
            connection.exec_driver_sql(
                "insert into outbox (id, event, resource, payload, at) values ('1', 'e', 'r', '{}', 1)"
            )
        engine.dispose()
        with pytest.raises(PulseError) as error:
            open_ledger(f"sqlite:///{path}")
        assert error.value.code == "ledger.outdated"
        migrate(f"sqlite:///{path}")
        with open_ledger(f"sqlite:///{path}") as ledger:
            assert [event.id for event in ledger.unsent()] == ["1"]
