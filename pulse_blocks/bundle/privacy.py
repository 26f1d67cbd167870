"""Values of private columns as the ledger holds them: keyed hashes, the same for the same value.

HMAC-SHA-256 over the column's name and the value, with a key that is derived from the workspace's signing key. So
rows of one value can still be found and joined, and nobody who has only the ledger can try values out.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import msgspec

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.requests import request_columns
from pulse_blocks.protocol.spec import Protocol

# Keeps a hash of ours from being anything else made with the same key.
_PURPOSE = b"pulse private column 1"
_SCHEME = "hmac-sha256:"


class Privacy:
    """The private columns of one protocol. Any thread may call it."""

    def __init__(self, protocol: Protocol, signing_key: bytes | None) -> None:
        """Without a key everything works that keeps nothing: ``hashed`` raises PulseError then."""
        self.columns = frozenset(column.name for column in request_columns(protocol) if column.field.private)
        self._key = hmac.digest(signing_key, _PURPOSE, hashlib.sha256) if signing_key else None

    def stored(self, record: bytes) -> bytes:
        """A record's canonical JSON as the ledger keeps it: what its ``input_sha256`` is over.

        A missing value stays null, whoever may know it.
        """
        if not self.columns:
            return record
        values = msgspec.json.decode(record)
        for column in self.columns:
            if values.get(column) is not None:
                values[column] = self.hashed(column, values[column])
        return msgspec.json.encode(values)

    def hashed(self, column: str, value: Any) -> str:
        """``hmac-sha256:`` and 64 hex digits. ``value`` is as JSON has it, a time its ISO text."""
        if self._key is None:
            raise PulseError(
                "signing.no_key", f"{column} is private, and there is no key to hash it with.",
                "Set PULSE_SIGNING_KEY.",
            )  # fmt: skip
        text = msgspec.json.encode([column, value])
        return _SCHEME + hmac.digest(self._key, text, hashlib.sha256).hex()
