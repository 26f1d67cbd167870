"""Who is acting: the name that promotions, keys and the audit log carry."""

from __future__ import annotations

import getpass
import os
import socket


def actor() -> str:
    """``user@host`` of this process; the user's number where it has no name, as in many containers."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"uid-{os.getuid()}"
    return f"{user}@{socket.gethostname()}"
