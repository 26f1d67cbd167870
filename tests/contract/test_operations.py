"""Who did what: the audit log and API keys, in each kind of database."""

from __future__ import annotations

import hashlib
import threading

import msgspec
import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import Ledger, migrate, open_ledger
from pulse_blocks.ledger.audit import BEGINNING
from pulse_blocks.settings import Workspace


def promote(ledger: Ledger, model: str, instead_of: int | None = None) -> int:
    return ledger.promote(
        name="m", model=model, bundle="bundles/m/1.json", bundle_sha256="0" * 64, version="1", run="run_1",
        attempt=None, reason="first", who="ann@desk", instead_of=instead_of,
    ).seq  # fmt: skip


def test_every_deed_is_in_the_log(ledger: Ledger) -> None:
    """A promotion, a key made, a key revoked: who, what, and the facts."""
    promote(ledger, "m@1.0.0-aaaaaaa")
    key, token = ledger.create_key(name="shop", scopes=["read", "predict"], who="bob@desk")
    ledger.revoke_key("shop", who="ann@desk")
    rows = ledger.audit_rows()
    assert [(row.seq, row.who, row.action, row.subject) for row in rows] == [
        (1, "ann@desk", "model.promote", "m m@1.0.0-aaaaaaa"),
        (2, "bob@desk", "key.create", "shop"),
        (3, "ann@desk", "key.revoke", "shop"),
    ]
    assert msgspec.json.decode(rows[1].details) == {
        "key": key.id,
        "scopes": ["predict", "read"],
        "sha256": hashlib.sha256(token.encode()).hexdigest(),
    }
    assert token not in str(rows)


def test_each_row_holds_the_hash_of_the_one_before(ledger: Ledger) -> None:
    """The documented formula, written out: sha256 over the JSON array of the row before and this one."""
    for number in range(3):
        promote(ledger, f"m@1.0.0-{number}")
    before = BEGINNING
    for row in ledger.audit_rows():
        facts = [row.previous, row.seq, row.at, row.who, row.action, row.subject, row.details]
        assert row.previous == before
        assert row.hash == hashlib.sha256(msgspec.json.encode(facts)).hexdigest()
        before = row.hash


def test_a_deed_that_fails_leaves_no_row(ledger: Ledger) -> None:
    """And no key or promotion without its row: both are one transaction."""
    first = promote(ledger, "m@1.0.0-aaaaaaa")
    promote(ledger, "m@1.0.0-bbbbbbb", instead_of=first)
    with pytest.raises(PulseError, match="bbbbbbb") as moved:
        promote(ledger, "m@1.0.0-ccccccc", instead_of=first)
    assert moved.value.code == "promotion.moved"
    ledger.create_key(name="shop", scopes=["predict"], who="bob")
    with pytest.raises(PulseError):
        ledger.create_key(name="shop", scopes=["admin"], who="bob")
    with pytest.raises(PulseError):
        ledger.revoke_key("other", who="bob")
    assert len(ledger.audit_rows()) == 3


def test_many_at_once_make_one_chain(any_ledger: Workspace) -> None:
    """Deeds of several processes follow each other without a gap or a fork."""
    migrate(any_ledger.ledger)

    def work(number: int) -> None:
        with open_ledger(any_ledger.ledger) as mine:
            for step in range(5):
                mine.create_key(name=f"{number} {step}", scopes=["predict"], who="x")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with open_ledger(any_ledger.ledger) as ledger:
        rows = ledger.audit_rows()
    assert [row.seq for row in rows] == list(range(1, 21))
    assert [row.previous for row in rows[1:]] == [row.hash for row in rows[:-1]]


def test_a_key_is_kept_as_a_hash_and_may_be_revoked(ledger: Ledger) -> None:
    """By name or id; revoked ones stay in the list. A name may be used again once its key is revoked."""
    key, token = ledger.create_key(name="shop", scopes=["feedback", "predict"], who="bob")
    assert token.startswith(f"pulse_{key.id}_")
    assert ledger.usable_keys() == {
        key.id: (hashlib.sha256(token.encode()).digest(), frozenset({"predict", "feedback"}))
    }
    with pytest.raises(PulseError) as twice:
        ledger.create_key(name="shop", scopes=["read"], who="bob")
    assert twice.value.code == "key.exists"
    assert ledger.revoke_key(key.id, who="bob").revoked is not None
    assert ledger.usable_keys() == {}
    with pytest.raises(PulseError) as gone:
        ledger.revoke_key("shop", who="bob")
    assert gone.value.code == "key.unknown"
    again, other = ledger.create_key(name="shop", scopes=["read"], who="bob")
    assert other != token
    assert [one.id for one in ledger.api_keys()] == [key.id, again.id]
