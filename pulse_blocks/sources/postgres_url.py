"""What a PostgreSQL URL asks for, and what of it may be shown."""

from __future__ import annotations

import re
from typing import Any

from pulse_blocks.errors import PulseError
from pulse_blocks.secret_urls import secrets

CONNECT_SECONDS = 5
PATIENCE_SECONDS = 10  # of silence, then between two probes of whether the server's machine is still there
_PORTS = re.compile(r"[0-9,]*\Z")


def settings(url: str, name: str) -> str:
    """The URL as settings of libpq, with time limits where it says none.

    Raises PulseError("source.url") for one that cannot be understood, in words that repeat nothing of it: libpq's own
    words would, and where an @ or / of a password is not encoded, it takes a part of the password for a host.
    """
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    defaults: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "keepalives_idle": PATIENCE_SECONDS,
        "keepalives_interval": PATIENCE_SECONDS,
        "tcp_user_timeout": PATIENCE_SECONDS * 1000,
    }
    try:
        given = conninfo_to_dict(url)
    except ProgrammingError:
        given = {"port": "?"}
    if "@" in str(given.get("host", "")) or not _PORTS.match(str(given.get("port", ""))):
        raise PulseError(
            "source.url",
            f"Datasource {name}: its PostgreSQL URL cannot be understood.",
            "Write postgresql://USER:${PASSWORD}@HOST:PORT/DATABASE; a reference is encoded, all else has to be.",
        )
    return make_conninfo(**{**defaults, **given})


def without_secrets(reason: str, url: str) -> str:
    """What a driver says, with ``***`` for the URL and every secret in it."""
    for secret in (url, *secrets(url)):
        reason = reason.replace(secret, "***") if secret else reason
    return reason
