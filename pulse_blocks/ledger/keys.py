"""API keys of the runtime: what each may do, and a hash of it; the key itself is shown once and kept nowhere."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from typing import Literal

from pulse_blocks import ids
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger.audit import record
from pulse_blocks.ledger.base import Row, Transaction
from pulse_blocks.ledger.rows import Fact
from pulse_blocks.ledger.table import Table, now_us

Scope = Literal["predict", "feedback", "read", "admin"]
SCOPES: tuple[Scope, ...] = ("predict", "feedback", "read", "admin")
PREFIX = "pulse_"
_SELECT = "select id, name, scopes, created, who, revoked from keys"


class Key(Fact, frozen=True, kw_only=True):
    """What is known of a key. Times are microseconds since 1970; ``revoked`` is None while it may be used."""

    id: str
    name: str
    scopes: tuple[str, ...]
    created: int
    who: str
    revoked: int | None


class Keys(Table):
    """Keys are made and revoked, each with a row of the audit log, and never removed."""

    def create_key(self, *, name: str, scopes: Sequence[Scope], who: str) -> tuple[Key, str]:
        """Make a key; returns what is known of it, and the key itself: ``pulse_ID_SECRET``.

        Raises PulseError ``key.exists`` where a key of that name may still be used.
        """
        key_id = ids.base32(secrets.randbits(128))[-12:]
        token = f"{PREFIX}{key_id}_{secrets.token_urlsafe(32)}"
        sha256 = digest(token.encode())
        chosen = [scope for scope in SCOPES if scope in scopes]
        with self._database.write() as transaction:
            if transaction.execute("select 1 from keys where name = ? and revoked is null", (name,)):
                raise PulseError(
                    "key.exists",
                    f"There is a key {name} already.",
                    "Choose another name, or revoke it first.",
                )
            transaction.execute(
                "insert into keys (id, name, scopes, sha256, created, who) values (?,?,?,?,?,?)",
                (key_id, name, " ".join(chosen), sha256, now_us(), who),
            )
            details = {"key": key_id, "scopes": chosen, "sha256": sha256.hex()}
            record(transaction, who=who, action="key.create", subject=name, details=details)
            return _by_id(transaction, key_id), token

    def api_keys(self) -> list[Key]:
        """All keys, revoked ones too, the oldest first."""
        return [_key(row) for row in self._database.read(f"{_SELECT} order by created, id")]

    def revoke_key(self, which: str, *, who: str) -> Key:
        """Let a key, by id or name, be refused from now on. Raises PulseError ``key.unknown``."""
        with self._database.write() as transaction:
            found = transaction.execute(
                "select id, name from keys where (id = ? or name = ?) and revoked is null", (which, which)
            )
            if not found:
                raise PulseError(
                    "key.unknown", f"No key {which} can be revoked: there is none, or it was revoked before.",
                    "See what there is: pulse key list.",
                )  # fmt: skip
            key_id, name = found[0]
            transaction.execute("update keys set revoked = ? where id = ?", (now_us(), key_id))
            record(transaction, who=who, action="key.revoke", subject=name, details={"key": key_id})
            return _by_id(transaction, key_id)

    def usable_keys(self) -> dict[str, tuple[bytes, frozenset[str]]]:
        """By id, the sha256 and the scopes of every key that was not revoked."""
        rows = self._database.read("select id, sha256, scopes from keys where revoked is null")
        return {key_id: (bytes(sha256), frozenset(scopes.split())) for key_id, sha256, scopes in rows}


def digest(token: bytes) -> bytes:
    """What is kept of a key. It holds 256 random bits, so that no slow hash is needed to protect it."""
    return hashlib.sha256(token).digest()


def _by_id(transaction: Transaction, key_id: str) -> Key:
    return _key(transaction.execute(f"{_SELECT} where id = ?", (key_id,))[0])


def _key(row: Row) -> Key:
    key_id, name, scopes, created, who, revoked = row
    return Key(id=key_id, name=name, scopes=tuple(scopes.split()), created=created, who=who, revoked=revoked)
