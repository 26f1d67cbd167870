"""Training by several processes on Dask: the same trees every time, as good as one process's, or a clear error."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from pulse_blocks import progress
from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.stores import Store, open_store
from pulse_blocks.training import Fitted, fit
from pulse_blocks.training.distributed import boosting
from pulse_blocks.training.distributed import cluster as clusters
from pulse_blocks.training.distributed.cluster import cluster
from pulse_blocks.training.distributed.shares import RowSet, divided
from pulse_blocks.training.execution import Execution
from pulse_blocks.training.unfinished import remove
from pulse_blocks.validation import validate
from tests import small_data

distributed = pytest.importorskip("distributed")

ROWS = 16_000
BASE: dict[str, Any] = {
    "seed": 3,
    "rounds": 15,
    "params": {"num_leaves": 6},
    "metrics": ["roc_auc"],
    "split": {"by": "time"},
    "resources": {"workers": 2},
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return open_store(str(tmp_path_factory.mktemp("distributed") / "store"))


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A cluster that is there already, as a workspace would name it."""
    made = distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        memory_limit=0,
        host="127.0.0.1",
        dashboard_address=None,
        silence_logs=50,
    )
    yield made.scheduler_address
    made.close()


def fitted(store: Store, dask: str | None, rows: int = ROWS, **training: Any) -> Fitted:
    contract = small_data.protocol(training={**BASE, **training})
    snapshot = small_data.snapshot_of(store, contract, small_data.columns(rows))
    return fit(
        contract,
        snapshot,
        validate(contract, snapshot, store),
        store,
        execution=Execution(dask=dask),
    )


@pytest.mark.long
def test_two_runs_grow_the_same_trees(store: Store, address: str) -> None:
    """On a cluster of its own and on one that is there: the same text, as good as one process's to 0.002."""
    own, named = fitted(store, None), fitted(store, address)
    assert own.text == named.text == fitted(store, address).text
    alone = fitted(store, None, resources={"workers": 1})
    assert own.metrics["roc_auc"] == pytest.approx(alone.metrics["roc_auc"], abs=0.002)
    assert own.params["num_machines"] == 2
    assert (own.train_rows, own.test_rows) == (alone.train_rows, alone.test_rows)
    assert list(own.history) == list(alone.history)
    assert b"127.0.0.1" not in own.text


@pytest.mark.long
def test_all_stop_after_the_same_round(store: Store, address: str) -> None:
    """Early stopping, balanced classes, random rows and checkpoints, as in one process; progress is heard of."""
    heard: list[progress.Progress] = []
    training = {
        "rounds": 300,
        "early_stopping": {"rounds": 5},
        "split": {"by": "random"},
        "weights": "balanced",
        "params": {"num_leaves": 6, "learning_rate": 0.5},
    }
    with progress.listening(heard.append):
        found = fitted(store, address, **training)
    losses = found.history["validation/binary_logloss"]
    assert found.rounds == int(np.argmin(losses)) + 1
    assert len(losses) == found.rounds + 5 < 300
    rounds = [told.done for told in heard if told.metrics]
    assert rounds == sorted(set(rounds))
    assert 0 < len(rounds) <= len(losses)
    checkpointed = fitted(store, address, **training, checkpoint=6)
    assert checkpointed.trees == found.trees
    remove(store, checkpointed.unfinished)
    assert not list(store.keys("unfinished/"))


@pytest.mark.long
def test_a_worker_that_is_killed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed by -9 in the midst of rounds: the attempt is made once more, whole; lost again it is reported."""
    expected = fitted(store, None, rounds=40)
    kills: list[int] = []

    def kill_one(told: progress.Progress) -> None:
        if told.metrics and told.done >= 5 and len(kills) < limit and victims:
            kills.append(victims.pop())
            os.kill(kills[-1], signal.SIGKILL)

    victims: list[int] = []
    run = boosting._run

    def remember(client: Any, workers: Any, jobs: Any) -> Any:
        victims[:] = [client.run(os.getpid)[workers[1].address]]
        return run(client, workers, jobs)

    monkeypatch.setattr(boosting, "_run", remember)
    limit = 1
    with progress.listening(kill_one):
        assert fitted(store, None, rounds=40).text == expected.text
    assert len(kills) == 1
    limit, kills = 9, []
    began = time.monotonic()
    with (
        progress.listening(kill_one),
        pytest.raises(UnavailableError, match="was lost while it trained") as lost,
    ):
        fitted(store, None, rounds=40)
    assert (lost.value.code, len(kills)) == ("training.worker_lost", 2)
    assert time.monotonic() - began < 60


def test_without_the_extra(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """One error that names what to install."""
    for name in ("dask", "distributed"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(PulseError, match=r"pip install 'pulse-blocks\[distributed\]'") as refused:
        fitted(store, None, rows=2000)
    assert refused.value.code == "training.dask_missing"


def test_more_workers_than_rows() -> None:
    """A worker without rows would wait for ever: refused before anything starts."""
    with pytest.raises(PulseError, match="8 workers cannot share 5 training rows"):
        divided(np.arange(5), 8)


def test_no_cluster_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheduler that does not answer is out of reach, and the workspace's key is named."""
    monkeypatch.setattr(clusters, "CONNECT_SECONDS", 1.0)
    with pytest.raises(UnavailableError, match="`dask` in the workspace") as lost:  # noqa: SIM117
        with cluster("tcp://127.0.0.1:9", 2):
            pass
    assert lost.value.code == "training.dask_unavailable"


def test_no_such_class() -> None:
    """A class that cannot be imported is a mistake in the workspace."""
    with pytest.raises(PulseError, match="no such class"), cluster("no.Such", 2):
        pass


def test_row_sets_round_trip() -> None:
    """Any sorted row numbers, none included."""
    draw = np.random.default_rng(0)
    for count in (0, 1, 7, 1000):
        rows = np.sort(draw.choice(5000, count, replace=False)).astype(np.int64)
        assert np.array_equal(RowSet.of(rows).numbers(), rows)


def test_shares_are_contiguous_and_equal() -> None:
    """Each row once, in order, no share more than a row larger."""
    rows = np.flatnonzero(np.random.default_rng(1).random(10_007) < 0.7)
    shares = divided(rows, 4)
    assert np.array_equal(np.concatenate(shares), rows)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_ranks_agree_over_sockets() -> None:
    """Everybody hears what rank 0 wants; who does not know the secret is turned away; a lost rank 0 is an error."""
    import socket

    from pulse_blocks.training.distributed import accord

    listener = socket.create_server(("127.0.0.1", 0))
    place = listener.getsockname()
    stranger = socket.create_connection(place)
    stranger.sendall(b"x" * 16)
    lead = accord.leader(listener, 2, b"s" * 16)
    heard: list[bool] = []

    def follow() -> None:
        agree = accord.follower(place, b"s" * 16)
        heard.extend([agree(True), agree(False)])

    peers = [threading.Thread(target=follow) for _ in range(2)]
    for peer in peers:
        peer.start()
    assert [lead(False), lead(True)] == [False, True]
    for peer in peers:
        peer.join(10)
    assert sorted(heard) == [False, False, True, True]
    assert stranger.recv(1) == b""
    stranger.close()
    listener.close()
