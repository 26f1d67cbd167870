"""Keys that were made, changed or brought back in the database itself are named by the audit."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulse_blocks.ledger.sqlite import connect, path_of
from pulse_blocks.lineage.audit import audit
from pulse_blocks.lineage.node import Places
from tests.lineage_world import World

INSERT = "insert into keys values ('abc', 'mine', 'admin', x'00', 1, 'mallory', null)"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Two keys, of which one was revoked."""
    made = World(tmp_path)
    made.ledger.create_key(name="shop", scopes=["predict"], who="ann")
    made.ledger.create_key(name="old", scopes=["read"], who="ann")
    made.ledger.revoke_key("old", who="ann")
    return made


def test_keys_that_are_sound(world: World) -> None:
    """Nothing is found, and they are counted."""
    found = audit(Places(ledger=world.ledger, store=world.store))
    assert (found.ok, found.checked["keys"]) == (True, 2)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        (INSERT, "does not know it"),
        ("update keys set scopes = 'admin' where name = 'shop'", "may admin"),
        ("update keys set sha256 = x'00' where name = 'shop'", "exchanged"),
        ("update keys set revoked = null where name = 'old'", "says otherwise"),
        ("update keys set revoked = 1 where name = 'shop'", "says otherwise"),
        ("delete from keys where name = 'old'", "is missing"),
    ],
)
def test_what_was_done_behind_the_log(world: World, sql: str, words: str) -> None:
    """Each is one finding, with the key's id."""
    connection = connect(path_of(world.workspace.ledger))
    connection.execute(sql)
    connection.close()
    found = audit(Places(ledger=world.ledger, store=world.store))
    (finding,) = found.findings
    assert finding.kind == "key"
    assert words in finding.problem
