"""Signatures over promoted bundles, with a key of the workspace.

HMAC-SHA256 over name, model, and the bundle's key and hash. The key is PULSE_SIGNING_KEY, or the file
``.pulse/signing.key``, which an embedded workspace makes by itself.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path

import msgspec

from pulse_blocks.errors import PulseError
from pulse_blocks.settings import Workspace, sqlite_path

VARIABLE = "PULSE_SIGNING_KEY"
FILE = "signing.key"
_SCHEME = "hmac-sha256:"
# Keeps a signature of ours from being one of anything else made with the same key.
_PURPOSE = "pulse promotion 1"
_LEAST = 32


def signing_key(workspace: Workspace, *, create: bool = False, variable: str = VARIABLE) -> bytes:
    """The workspace's key; with ``create`` an embedded workspace makes one where there is none.

    ``variable`` holds it for the workspace in use; another's is in ``variable_of``. A ledger on a server is shared by
    machines, and so must its key be: none is made up on one of them. Raises PulseError ``signing.no_key`` where there
    is none, ``signing.weak_key`` for one that is too short or that other users can read.
    """
    if given := os.environ.get(variable):
        return _long_enough(given, variable)
    path = workspace.folder / FILE
    if create and sqlite_path(workspace.ledger) and not path.exists():
        _make(path)
    try:
        with path.open(encoding="ascii") as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise PulseError(
                    "signing.weak_key",
                    f"Other users can read {path}.",
                    f"Make it yours alone: chmod 600 {path}.",
                )
            return _long_enough(file.read().strip(), str(path))
    except FileNotFoundError:
        raise PulseError(
            "signing.no_key",
            f"There is no key to check signatures of models with: neither {variable} nor {path}.",
            f"Set {variable} to the same 64 random characters (openssl rand -hex 32) wherever models are promoted"
            " or served, or copy the file.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise PulseError("signing.no_key", f"{path} cannot be read: {error}.", "Check that file.") from error


def variable_of(workspace: Workspace) -> str:
    """The variable that holds the key of a workspace while another one is in use."""
    return f"{VARIABLE}_{workspace.name.upper().replace('-', '_')}"


def sign(key: bytes, *, name: str, model: str, bundle: str, sha256: str) -> str:
    """What vouches that this bundle was promoted by somebody who holds the key."""
    text = msgspec.json.encode([_PURPOSE, name, model, bundle, sha256])
    return _SCHEME + hmac.new(key, text, hashlib.sha256).hexdigest()


def require_signature(key: bytes, signature: str, *, name: str, model: str, bundle: str, sha256: str) -> None:
    """Raise PulseError ``bundle.unsigned`` or ``bundle.signature`` unless ``signature`` is the key's own."""
    if not signature:
        raise PulseError(
            "bundle.unsigned", f"The promotion of {model} carries no signature.",
            f"Promote it again: pulse promote {name} {model}.",
        )  # fmt: skip
    expected = sign(key, name=name, model=model, bundle=bundle, sha256=sha256)
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise PulseError(
            "bundle.signature",
            f"{model} was not promoted with the key of this workspace, or it was changed since.",
            f"If you trust it, promote it again: pulse promote {name} {model}.",
        )


def _long_enough(text: str, place: str) -> bytes:
    if len(text) < _LEAST:
        raise PulseError(
            "signing.weak_key",
            f"The key in {place} has fewer than {_LEAST} characters.",
            "Take 64 random ones: openssl rand -hex 32.",
        )
    return text.encode()


def _make(path: Path) -> None:
    """Create the file whole and once: of two processes that try, both go on with one key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f"{FILE}.{secrets.token_hex(8)}")
    handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(made, path)
        except FileExistsError:
            return
    finally:
        made.unlink()
