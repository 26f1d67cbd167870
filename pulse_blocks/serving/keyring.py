"""Which keys may do what, as the ledger has it: made and revoked without a restart, within a second."""

from __future__ import annotations

import hmac
import threading
import time
from typing import Literal

from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.keys import PREFIX, digest
from pulse_blocks.serving.looking import outlived
from pulse_blocks.serving.metrics import Metrics

POLL_SECONDS = 0.3
# Where the ledger cannot be read, what was known of keys counts for so long, and then nobody is let in.
TRUSTED_SECONDS = 30.0
_NOBODY = (b"\0" * 32, frozenset[str]())
_PREFIX = PREFIX.encode()

Verdict = Literal["allowed", "no key", "wrong scope", "unknown"]


class Keyring:
    """A thread that reads keys, and the check of each request against them. ``check`` is for any thread."""

    def __init__(self, ledger: Ledger, metrics: Metrics) -> None:
        """Raises PulseError where the keys cannot be read."""
        self._ledger = ledger
        self._metrics = metrics
        self._read()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse-keys", daemon=True)
        self._thread.start()

    def check(self, token: bytes, scope: str) -> Verdict:
        """Whether the holder of ``token`` may do what needs ``scope``; ``admin`` may do everything.

        Takes the same time whether a key is unknown or wrong. One that was allowed is not hashed again until keys are
        read anew: whoever has it knows that already.
        """
        allowed = self._allowed
        if (token, scope) in allowed and time.monotonic() - self._read_at <= TRUSTED_SECONDS:
            return "allowed"
        key_id = token[len(_PREFIX) :].partition(b"_")[0] if token.startswith(_PREFIX) else b""
        sha256, scopes = self._keys.get(key_id.decode("latin-1"), _NOBODY)
        if time.monotonic() - self._read_at > TRUSTED_SECONDS:
            return "unknown"
        if not hmac.compare_digest(digest(token), sha256):
            return "no key"
        if scope not in scopes and "admin" not in scopes:
            return "wrong scope"
        # Those of the keys that it was compared with, even where others were read meanwhile.
        allowed.add((token, scope))
        return "allowed"

    def close(self) -> None:
        """Stop reading."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(POLL_SECONDS):
            with outlived(self._metrics, "keys", "Keys cannot be read"):
                self._read()

    def _read(self) -> None:
        self._keys = self._ledger.usable_keys()
        self._allowed: set[tuple[bytes, str]] = set()
        self._read_at = time.monotonic()
