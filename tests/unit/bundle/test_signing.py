"""Signatures: what they vouch for, and where the key comes from."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import msgspec
import pytest

from pulse_blocks.bundle.signing import FILE, VARIABLE, require_signature, sign, signing_key
from pulse_blocks.errors import PulseError
from pulse_blocks.settings import Workspace

KEY = b"k" * 32
FACTS = {"name": "m", "model": "m@1.0.0-aaaaaaa", "bundle": "bundles/m/1.json", "sha256": "0" * 64}


@pytest.fixture(autouse=True)
def no_key_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def code_of(workspace: Workspace) -> str:
    with pytest.raises(PulseError) as error:
        signing_key(workspace)
    return error.value.code


def test_a_signature_holds_for_its_own_facts_only() -> None:
    """Another name, model, place or hash, another key, or a cut signature: refused."""
    signature = sign(KEY, **FACTS)
    require_signature(KEY, signature, **FACTS)
    for name in FACTS:
        with pytest.raises(PulseError) as error:
            require_signature(KEY, signature, **{**FACTS, name: "other"})
        assert error.value.code == "bundle.signature"
    for key, wrong in ((b"x" * 32, signature), (KEY, signature[:-1]), (KEY, "hmac-sha256:"), (KEY, "é")):
        with pytest.raises(PulseError) as error:
            require_signature(key, wrong, **FACTS)
        assert error.value.code == "bundle.signature"


def test_facts_cannot_be_shifted_into_each_other() -> None:
    """What ends one fact does not begin the next."""
    one = sign(KEY, name="a", model="b,c", bundle="d", sha256="e")
    assert one != sign(KEY, name="a,b", model="c", bundle="d", sha256="e")


def test_no_signature_is_told_apart() -> None:
    """With the way to sign: promote again."""
    with pytest.raises(PulseError, match="pulse promote m") as error:
        require_signature(KEY, "", **FACTS)
    assert error.value.code == "bundle.unsigned"


def test_the_key_is_made_once_and_for_its_owner_alone(workspace: Workspace) -> None:
    """Also where several promote for the first time at once; nothing else is left in the folder."""
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(signing_key(workspace, create=True))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert len(found[0]) == 64
    path = workspace.folder / FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in workspace.folder.iterdir()] == [FILE]


def test_whoever_only_checks_makes_no_key(workspace: Workspace) -> None:
    """A runtime without the key says so, and leaves no file behind."""
    assert code_of(workspace) == "signing.no_key"
    assert not (workspace.folder / FILE).exists()


def test_machines_that_share_a_ledger_must_share_a_key(workspace: Workspace) -> None:
    """A key that a container made up would be gone with it, and no replica would have it."""
    shared = msgspec.structs.replace(workspace, ledger="postgresql://host/ledger")
    with pytest.raises(PulseError, match="openssl rand") as error:
        signing_key(shared, create=True)
    assert error.value.code == "signing.no_key"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_key_that_others_can_read_is_refused(workspace: Workspace, mode: int) -> None:
    """As ssh does it, with the command that helps."""
    signing_key(workspace, create=True)
    (workspace.folder / FILE).chmod(mode)
    assert code_of(workspace) == "signing.weak_key"


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 64])
def test_a_broken_key_is_refused(workspace: Workspace, content: bytes) -> None:
    """Too short, or no text."""
    path = Path(workspace.folder)
    path.mkdir()
    handle = os.open(path / FILE, os.O_CREAT | os.O_WRONLY, 0o600)
    os.write(handle, content)
    os.close(handle)
    assert code_of(workspace) in {"signing.weak_key", "signing.no_key"}


def test_the_environment_wins(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that replicas need no file; a short one is refused, and none is written."""
    signing_key(workspace, create=True)
    monkeypatch.setenv(VARIABLE, "e" * 32)
    assert signing_key(workspace, create=True) == b"e" * 32
    monkeypatch.setenv(VARIABLE, "e" * 31)
    assert code_of(workspace) == "signing.weak_key"
