"""``durability: full`` on a disk that loses what was not synced, and on one that cannot sync any more."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pulse_blocks import settings
from pulse_blocks.errors import PulseError
from pulse_blocks.settings import Workspace
from tests.runtime_kill import Received, check_traceable, kill_under_load
from tests.runtime_load import asked, grows
from tests.served_models import protocol, runtime, train_and_promote
from tests.unsafe_disk import UnsafeDisk
from tests.waiting import until

REPEATS = {"full": 30, "short": 3}[os.environ.get("PULSE_FAULTS", "short")]
Tell = Callable[[str, str, str], None]
pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]


@pytest.fixture
def disk(
    workspace: Workspace, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> UnsafeDisk:
    """The disk below the workspace's ledger, for every process that is started after this."""
    made = UnsafeDisk(workspace.folder, tmp_path_factory.mktemp("disk"))
    for name, value in made.env.items():
        monkeypatch.setenv(name, value)
    return made


def test_power_cuts(workspace: Workspace, disk: UnsafeDisk, tell: Tell) -> None:
    """Killed under load, and all unsynced writes undone: every id that a client had received is traceable."""
    train_and_promote(workspace)
    received = lost = 0
    for seed in range(REPEATS):
        got = kill_under_load(workspace, seed)
        lost += disk.lose()
        check_traceable(workspace, got)
        received += len(got)
    assert lost, "every write had been synced: this tested nothing"
    tell(
        "kill -9 of the runtime under load, and every unsynced write undone",
        f"{REPEATS} cuts, {received:,} replies",
        "every id is in the ledger, with the right hashes",
    )


def test_the_disk_does_lose(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ``durability: process`` the same loses replies: that disk is what it says."""
    (tmp_path / ".pulse").mkdir()
    (tmp_path / ".pulse" / "workspace.toml").write_text('durability = "process"\n')
    careless = settings.load(tmp_path, environ={})
    train_and_promote(careless)
    disk = UnsafeDisk(careless.folder, tmp_path_factory.mktemp("disk"))
    with monkeypatch.context() as patched:
        for name, value in disk.env.items():
            patched.setenv(name, value)
        got = kill_under_load(careless, seed=1)
    assert disk.lose()
    with pytest.raises(PulseError, match="knows no inference"):
        check_traceable(careless, got)


def test_a_disk_that_cannot_sync(workspace: Workspace, disk: UnsafeDisk, tell: Tell) -> None:
    """No reply while it cannot, and then as before.

    What was answered before and between is traceable, also after a power cut.
    """
    train_and_promote(workspace)
    answered: list[Received] = []
    refused: list[int] = []
    with asked(workspace, answered, refused) as process:
        for _ in range(REPEATS):
            grows(answered, 50)
            disk.break_down()
            grows(refused, 20)
            at_rest = len(answered)
            grows(refused, 20)
            assert len(answered) == at_rest
            disk.repair()
        grows(answered, 50)
        disk.break_down()
        process.kill()
    disk.lose()
    assert set(refused) == {503}
    check_traceable(workspace, answered)
    tell(
        "the ledger's disk cannot sync, and can again; at last a power cut",
        f"{REPEATS} times",
        "503 meanwhile, every id that was answered is in the ledger",
    )


def test_replies_go_on_beside_a_disk_that_cannot_sync(
    workspace: Workspace, disk: UnsafeDisk, tell: Tell
) -> None:
    """Where the protocol has them spooled, on a disk that can: after the cut they are brought over, none is missing."""
    train_and_promote(workspace, protocol(serving={"spool": True}))
    answered: list[Received] = []
    with asked(workspace, answered, []) as process:
        grows(answered, 50)
        disk.break_down()
        grows(answered, 500)
        process.kill()
    disk.lose()
    bring_over(workspace)
    check_traceable(workspace, answered)
    tell(
        "the ledger's disk cannot sync, rows are spooled on another; then a power cut",
        f"{len(answered):,} replies",
        "every id is in the ledger after the next start",
    )


def test_neither_ledger_nor_spool(workspace: Workspace, disk: UnsafeDisk, tell: Tell) -> None:
    """No new file can be made sure of either: 503, told in the log once, and nothing is left open."""
    train_and_promote(workspace, protocol(serving={"spool": True}))
    answered: list[Received] = []
    refused: list[int] = []
    with asked(workspace, answered, refused) as process:
        grows(answered, 50)
        disk.break_down(folders=True)
        grows(refused, 50)
        descriptors = len([*Path(f"/proc/{process.pid}/fd").iterdir()])
        grows(refused, 300)
        # Some connections come and go; each refusal left one open.
        assert len([*Path(f"/proc/{process.pid}/fd").iterdir()]) < descriptors + 20
        # A file is there for the moment of an attempt.
        assert until(lambda: not any((workspace.folder / "spool").iterdir()), 10)
        disk.repair()
        grows(answered, 50)
        process.kill()
        assert process.stderr
        told = process.stderr.read()
    assert set(refused) == {503}
    assert told.count("cannot be kept") <= 3, told
    bring_over(workspace)
    check_traceable(workspace, answered)
    tell(
        "neither ledger nor spool can be written, and then they can",
        "1 time",
        "503 meanwhile, one line in the log",
    )


def bring_over(workspace: Workspace) -> None:
    """Start a runtime, and wait until what another one has spooled is in the ledger."""
    spooled = workspace.folder / "spool"
    with runtime(workspace, "parcels"):
        assert until(lambda: not (spooled.exists() and any(spooled.iterdir())), 60)
