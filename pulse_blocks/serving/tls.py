"""A certificate and its key, checked before anything listens."""

from __future__ import annotations

import ssl
from pathlib import Path

import msgspec

from pulse_blocks.errors import PulseError


class Tls(msgspec.Struct, frozen=True):
    """PEM files: the certificate with its chain, and its private key without a password."""

    certificate: Path
    key: Path

    def check(self) -> None:
        """Raise PulseError ``serving.tls`` where the files cannot be used together."""
        for path in (self.certificate, self.key):
            if not path.is_file():
                raise PulseError(
                    "serving.tls", f"There is no file {path}.", "Check --tls-cert and --tls-key."
                )
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
                self.certificate, self.key, password=_no_password
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
            raise PulseError(
                "serving.tls", f"{self.certificate} and {self.key} cannot be used: {reason}.",
                "Give a certificate and its own private key, both in PEM and without a password.",
            ) from error  # fmt: skip


def _no_password() -> str:
    """OpenSSL would ask the terminal."""
    return ""
