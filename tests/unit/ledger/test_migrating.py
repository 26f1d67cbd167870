"""Migrations: they add up to the schema, twice is once, and two processes do not collide."""

from __future__ import annotations

import subprocess
import sys

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


def test_migrations_add_up_to_the_schema(empty_url: str) -> None:
    """A migrated database holds exactly the tables of schema.py."""
    migrate(empty_url)
    engine = engine_of(empty_url)
    with engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_code_knows_the_newest_revision() -> None:
    """The list that the runtime compares with is the list of scripts."""
    scripts = ScriptDirectory.from_config(alembic_config(None))
    assert tuple(script.revision for script in scripts.walk_revisions())[::-1] == REVISIONS


def test_migrating_twice_changes_nothing(empty_url: str) -> None:
    """What is in the ledger stays."""
    migrate(empty_url)
    with open_ledger(empty_url) as ledger:
        ledger.emit("pulse.snapshot.created", "pulse.model.m", {})
    migrate(empty_url)
    with open_ledger(empty_url) as ledger:
        assert len(ledger.unsent()) == 1


def test_processes_may_migrate_at_once(empty_url: str) -> None:
    """Two processes that create one ledger at the same moment all succeed."""
    code = f"from pulse_blocks.ledger import migrate; migrate({empty_url!r})"
    processes = [
        subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    assert [process.communicate()[1] for process in processes] == [""] * 2
    assert [process.returncode for process in processes] == [0] * 2
    open_ledger(empty_url).close()


def test_reports_of_drift_checks_stay(empty_url: str) -> None:
    """An address that an older Pulse wrote into the check itself is still that of its report."""
    engine = engine_of(empty_url)
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0008")
        connection.exec_driver_sql(
            "insert into drift_checks (id, name, model, at, rows, verdict, result, report)"
            " values ('drift_1', 'a', 'm', 5, 0, 'calm', '{}', 'page.html'),"
            " ('drift_2', 'a', 'm', 6, 0, 'calm', '{}', null)"
        )
    migrate(empty_url)
    with open_ledger(empty_url) as ledger:
        assert [(one.id, one.report) for one in ledger.drift_checks("a")] == [
            ("drift_2", None), ("drift_1", "page.html"),
        ]  # fmt: skip
        assert [ledger.drift_report_since("m", at) for at in (5, 6)] == [True, False]


@pytest.mark.parametrize("older", REVISIONS[:-1])
def test_an_older_ledger_is_brought_up_to_date(empty_url: str, older: str) -> None:
    """Every revision can be upgraded from, its facts kept; before that, opening it says what to do."""
    engine = engine_of(empty_url)
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), older)
        connection.exec_driver_sql(
            "insert into outbox (id, event, resource, payload, at) values ('1', 'e', 'r', '{}', 1)"
        )
    with pytest.raises(PulseError) as error:
        open_ledger(empty_url)
    assert error.value.code == "ledger.outdated"
    migrate(empty_url)
    with open_ledger(empty_url) as ledger:
        assert [event.id for event in ledger.unsent()] == ["1"]
