"""An S3 server that fails: answers lost, 503, stalls, cuts, killed. Retried, then told once; never half a snapshot."""

from __future__ import annotations

import os
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pulse_blocks import settings
from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.snapshots.reading import all_snapshots
from pulse_blocks.snapshots.verify import verify
from pulse_blocks.stores import open_store, s3_calls
from tests import six_stages
from tests.ceph_server import S3Server
from tests.faulty_proxy import Fault, HttpProxy, http_proxy
from tests.small_data import columns, protocol, snapshot_of
from tests.tiny_project import make_project, write_parcels

FULL = os.environ.get("PULSE_FAULTS") == "full"
ROUNDS = 50 if FULL else 5
Tell = Callable[[str, str, str], None]
pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("s3")]


@pytest.fixture
def proxy(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpProxy]:
    """Between this process and the server; pauses and patience are short."""
    monkeypatch.setattr(s3_calls, "PAUSES", (0.01, 0.02, 0.05, 0.1, 0.2))
    monkeypatch.setattr(s3_calls, "READ_SECONDS", 1)
    with http_proxy(s3.url) as found:
        monkeypatch.setenv("AWS_ENDPOINT_URL", found.url)
        yield found


def objects(line: bytes) -> str:
    """What kind of object a request is about, by its path."""
    path = line.split(b" ")[1].split(b"?")[0].decode()
    parts = path.split("/")
    return ".".join(parts[-1].split(".")[1:]) if "/models/" in path or "/chunks/" in path else parts[-1]


@pytest.mark.timeout(600)
def test_every_put_succeeds_and_loses_its_answer(
    proxy: HttpProxy, s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tell: Tell
) -> None:
    """For every kind of object that a run writes: it ends as if nothing had happened, and knows its own claims."""
    folder = make_project(tmp_path / "project")
    write_parcels(folder / ".pulse" / "parcels.db", broken=0.005)
    monkeypatch.setenv("PULSE_ROOT", str(folder))
    monkeypatch.setenv("PULSE_STORE", f"s3://{s3.bucket()}/x")
    lost: dict[bytes, None] = {}

    def choose(line: bytes) -> Fault:
        if not line.startswith(b"PUT") or line in lost:
            return "pass"
        lost[line] = None
        return "lose-answer"

    proxy.choose = choose
    done = six_stages.run(settings.load())
    kinds = Counter(objects(line) for line in lost)
    expected = {
        "parquet",
        "profile.json",
        "sample.parquet",
        "manifest.json",
        "report.json",
        "quarantine.parquet",
    }
    assert {*expected, "txt", "smoke.json"} <= set(kinds)
    assert any(kind.startswith("1.0.0-") for kind in kinds)  # the bundle
    assert (done.taken.existed, done.deployed.promoted) == (False, True)
    proxy.choose = lambda _: "pass"
    store = open_store(settings.load().store)
    (snapshot,) = all_snapshots(store)
    assert verify(store, snapshot).ok
    assert len(list(store.keys())) == len(lost)
    tell(
        "a PUT that succeeds and loses its answer",
        f"{len(lost)}, each of {len(kinds)} kinds",
        "the run as ever",
    )


@pytest.mark.timeout(900)
def test_a_server_that_fails_at_random(proxy: HttpProxy, s3: S3Server, tell: Tell) -> None:
    """A fifth of all requests meet a 503, a cut, a lost answer or a stall: the snapshot is the one it should be."""
    chance = random.Random(7)  # noqa: S311 - faults, no secrets
    faults: list[Fault] = ["503", "503", "cut", "cut", "lose-answer", "lose-answer", "stall"]
    met: Counter[str] = Counter()
    lock = threading.Lock()

    def choose(_: bytes) -> Fault:
        with lock:
            fault = chance.choice(faults) if chance.random() < 0.2 else "pass"
            met[fault] += 1
            return fault

    for seed in range(ROUNDS):
        proxy.choose = choose
        store = open_store(f"s3://{s3.bucket()}")
        snapshot = snapshot_of(store, protocol(), columns(20_000, seed))
        proxy.choose = lambda _: "pass"
        (found,) = all_snapshots(store)
        assert found == snapshot
        assert verify(store, found).ok
    del met["pass"]
    told = ", ".join(f"{count} {fault}" for fault, count in sorted(met.items()))
    tell("an S3 server that fails one request in five", f"{ROUNDS} snapshots", f"all whole ({told})")


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("fault", ["503", "cut", "stall"])
def test_a_server_that_fails_for_good(proxy: HttpProxy, s3: S3Server, fault: Fault, tell: Tell) -> None:
    """From a random moment on: one clear error, never half a snapshot; afterwards the next call completes."""
    chance = random.Random(7)  # noqa: S311 - moments, no secrets
    rounds = ROUNDS if fault != "stall" else max(ROUNDS // 5, 1)
    for _ in range(rounds):
        store = open_store(f"s3://{s3.bucket()}")
        left = [chance.randrange(12)]

        def choose(_: bytes, left: list[int] = left) -> Fault:
            left[0] -= 1
            return "pass" if left[0] >= 0 else fault

        proxy.choose = choose
        with pytest.raises(UnavailableError, match=r"is out of reach: .* \(6 tries in") as caught:
            snapshot_of(store, protocol(), columns(20_000))
        assert caught.value.code == "store.unavailable"
        proxy.choose = lambda _: "pass"
        # The very last request only reads what has been made.
        assert all(verify(store, one).ok for one in all_snapshots(store))
        assert verify(store, snapshot_of(store, protocol(), columns(20_000))).ok
    tell(
        f"S3 answers nothing but {fault}, from a random request on",
        f"{rounds}",
        "one clear error, never half a snapshot",
    )


def test_credentials_that_expire_meanwhile(proxy: HttpProxy, s3: S3Server, tell: Tell) -> None:
    """From a random request on the token is too old: told at once, nothing is tried twice, never half a snapshot."""
    chance = random.Random(7)  # noqa: S311 - moments, no secrets
    for _ in range(ROUNDS):
        store = open_store(f"s3://{s3.bucket()}")
        proxy.requests.clear()
        left = [chance.randrange(8)]

        def choose(_: bytes, left: list[int] = left) -> Fault:
            left[0] -= 1
            return "pass" if left[0] >= 0 else "expired"

        proxy.choose = choose
        with pytest.raises(PulseError, match="the session token has expired") as caught:
            snapshot_of(store, protocol(), columns(20_000))
        assert caught.value.code == "store.credentials"
        asked = [line.split("?")[0] for line in proxy.requests if line.startswith("expired PUT")]
        assert len(asked) == len(set(asked)), "no upload was tried twice"
        proxy.choose = lambda _: "pass"
        assert all(verify(store, one).ok for one in all_snapshots(store))
        assert verify(store, snapshot_of(store, protocol(), columns(20_000))).ok
    tell("credentials that expire while a snapshot is made", f"{ROUNDS}", "told at once, without retries")


@pytest.mark.timeout(900)
def test_a_server_that_is_killed(
    proxy: HttpProxy, s3: S3Server, monkeypatch: pytest.MonkeyPatch, tell: Tell
) -> None:
    """At a random request in the middle of uploads; it comes back within the patience of the retries."""
    monkeypatch.setattr(s3_calls, "PAUSES", (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0))
    chance = random.Random(7)  # noqa: S311 - moments, no secrets
    rounds = max(ROUNDS // 5, 2)
    for seed in range(rounds):
        store = open_store(f"s3://{s3.bucket()}")
        left = [chance.randrange(1, 12)]
        restarts: list[threading.Thread] = []

        def choose(_: bytes, left: list[int] = left, restarts: list[threading.Thread] = restarts) -> Fault:
            left[0] -= 1
            if left[0] == 0:
                s3.gateway.kill()
                restarts.append(threading.Thread(target=s3.restart_gateway))
                restarts[0].start()
            return "pass"

        proxy.choose = choose
        snapshot = snapshot_of(store, protocol(), columns(60_000, seed))
        restarts[0].join()
        assert verify(store, snapshot).ok
    tell(
        "the S3 server killed while a snapshot is made, and started again",
        f"{rounds}",
        "completed by retries",
    )
