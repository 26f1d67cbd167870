"""Compiled models on this machine's disk: made here from a text that was verified, and signed with the workspace's key.

Machine code is never taken from the store. An object file is run only where its HMAC, over its bytes and what it was
made from and for, is the key's own.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import importlib.metadata
import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from pulse_blocks.errors import PulseError

_PURPOSE = b"pulse compiled model 1"
_SIGNATURE = 32
_MINUTES = 10


class Objects:
    """The folder of object files of one workspace."""

    def __init__(self, folder: Path, key: bytes) -> None:
        """Raises PulseError ``serving.no_compiler`` where the extra is not installed."""
        if not (importlib.util.find_spec("lleaves") and importlib.util.find_spec("llvmlite")):
            raise PulseError(
                "serving.no_compiler", "There is no compiler for models here.",
                "Install the extra: pip install 'pulse-blocks[compiled]'.",
            )  # fmt: skip
        self._folder = folder
        self._key = key
        self._machine = _machine()

    def find(self, text: bytes) -> bytes | None:
        """The object code of a model's text for this machine; None where there is none that can be trusted."""
        with contextlib.suppress(OSError):
            data = self._path(text).read_bytes()
            signature, code = data[:_SIGNATURE], data[_SIGNATURE:]
            if hmac.compare_digest(signature, self._sign(text, code)):
                return code
        return None

    def ensure(self, text: bytes) -> bytes:
        """The object code of a text, compiled now where there is none. Raises PulseError ``serving.not_compiled``.

        Of several processes that want the same one compiles, and the others wait for it.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._path(text).with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return self.find(text) or self._make(text)

    def _make(self, text: bytes) -> bytes:
        with tempfile.TemporaryDirectory(dir=self._folder) as name:
            source, target = Path(name) / "model.txt", Path(name) / "model.o"
            source.write_bytes(text)
            command = [sys.executable, "-m", "pulse_blocks.serving.compiled.build", str(source), str(target)]
            try:
                done = subprocess.run(  # noqa: S603 - our own module, and names that we made
                    command, capture_output=True, timeout=60 * _MINUTES, check=False
                )
                code = target.read_bytes()
            except (OSError, subprocess.TimeoutExpired):
                raise PulseError("serving.not_compiled", "The compiler did not come to an end.") from None
            if done.returncode:
                raise PulseError("serving.not_compiled", "The compiler does not know this kind of model.")
            signed = Path(name) / "signed"
            signed.write_bytes(self._sign(text, code) + code)
            signed.replace(self._path(text))
        return code

    def _path(self, text: bytes) -> Path:
        digest = hashlib.sha256(msgspec.json.encode(self._machine) + text).hexdigest()
        return self._folder / f"{digest}.o"

    def _sign(self, text: bytes, code: bytes) -> bytes:
        facts = msgspec.json.encode([hashlib.sha256(text).hexdigest(), *self._machine])
        return hmac.digest(self._key, b"\0".join([_PURPOSE, facts, code]), hashlib.sha256)


def _machine() -> list[str]:
    """What code is made for: another processor or compiler makes another."""
    from llvmlite import binding

    versions = [importlib.metadata.version(name) for name in ("lleaves", "llvmlite")]
    return [*versions, binding.get_process_triple(), binding.get_host_cpu_name(), os.uname().machine]
