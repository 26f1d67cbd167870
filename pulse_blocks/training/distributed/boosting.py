"""A fit by several workers, seen from where it is started."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from pulse_blocks import progress
from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Snapshot
from pulse_blocks.stores.base import Store
from pulse_blocks.training.boosting import Boosted, watched_parts
from pulse_blocks.training.checkpoints import Checkpoints
from pulse_blocks.training.distributed import rank
from pulse_blocks.training.distributed.cluster import Worker, cluster, present
from pulse_blocks.training.distributed.job import Job, Share
from pulse_blocks.training.distributed.shares import RowSet, divided
from pulse_blocks.training.environment import THREADS
from pulse_blocks.training.parts import Parts

ATTEMPTS = 2
_WAIT_SECONDS, _LOOK_SECONDS = 0.02, 0.5
# Until all ranks have found each other; LightGBM counts minutes.
_MINUTES = 10


def boost_on_workers(
    protocol: Protocol,
    params: Mapping[str, Any],
    snapshot: Snapshot,
    store: Store,
    data: Parts,
    checkpoints: Checkpoints | None,
    dask: str | None,
) -> Boosted:
    """Grow the trees on ``num_machines`` workers. The same snapshot, protocol and number give the same trees.

    Where a worker is lost, the whole attempt is made once more. Raises UnavailableError("training.worker_lost") where
    that is lost too, and what a worker raises.
    """
    workers = int(params["num_machines"])
    jobs = _jobs(protocol, params, snapshot, store, data, checkpoints, local=dask is None)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with cluster(dask, workers) as (client, found):
                return _run(client, found, jobs)
        except UnavailableError as error:
            if error.code != "training.worker_lost" or attempt == ATTEMPTS:
                raise
            progress.report("train", 0, protocol.training.rounds, f"{error.message} Beginning anew.")
    raise AssertionError


def _jobs(
    protocol: Protocol,
    params: Mapping[str, Any],
    snapshot: Snapshot,
    store: Store,
    data: Parts,
    checkpoints: Checkpoints | None,
    *,
    local: bool,
) -> list[Job]:
    """A job for each rank, but for the addresses, which only a cluster has."""
    watched = watched_parts(protocol, data)
    shared: dict[str, Any] = {
        "protocol": protocol,
        "params": {**params, "time_out": _MINUTES},
        "snapshot": snapshot.id,
        "store": store.uri,
        "class_weights": _class_weights(protocol, data),
        "accord": None,
        "secret": secrets.token_bytes(16),
        "checkpoints": checkpoints.key if checkpoints else None,
        "topic": f"pulse-train-{secrets.token_hex(8)}",
        "credentials": _credentials() if local else None,
        "embedded": local,
    }
    return [
        Job(
            rank=number,
            train=RowSet.of(rows),
            watched={name: RowSet.of(one.rows) for name, one in watched.items()} if number == 0 else {},
            **shared,
        )
        for number, rows in enumerate(divided(data.train.rows, int(params["num_machines"])))
    ]


def _class_weights(protocol: Protocol, data: Parts) -> tuple[float, ...] | None:
    """What ``balanced`` comes to over all training rows: a worker sees only its own."""
    if protocol.training.weights != "balanced" or data.train.weights is None:
        return None
    codes = data.train.labels.astype(np.int64)
    found = np.zeros(int(codes.max()) + 1)
    found[codes] = data.train.weights
    return tuple(map(float, found))


def _credentials() -> dict[str, str | None] | None:
    """Keys of the store that were handed over in memory: to workers of this machine only."""
    import dataclasses

    from pulse_blocks.stores.s3_calls import signed_in

    found = signed_in()
    return dataclasses.asdict(found) if found else None


def _run(client: Any, workers: list[Worker], jobs: list[Job]) -> Boosted:
    addressed = _addressed(client, workers, jobs)

    def tell(event: Any) -> None:
        told = msgspec.convert(event[1], progress.Progress)
        progress.report(told.stage, told.done, told.total, told.note, told.metrics)

    client.subscribe_topic(jobs[0].topic, tell)
    futures = [
        client.submit(
            rank.train,
            msgspec.msgpack.encode(job),
            workers=[worker.address],
            allow_other_workers=False,
            pure=False,
            retries=0,
        )
        for worker, job in zip(workers, addressed, strict=True)
    ]
    shares = _gathered(client, workers, futures)
    client.unsubscribe_topic(jobs[0].topic)
    for share, job in zip(shares, jobs, strict=True):
        if share.boosted is not None and job.rank == 0:
            return share.boosted
    raise AssertionError


def _addressed(client: Any, workers: list[Worker], jobs: list[Job]) -> list[Job]:
    """The jobs with ports on their workers: one for LightGBM and, on the first, one to agree on when to stop."""
    stops = jobs[0].protocol.training.early_stopping is not None
    futures = [
        client.submit(
            rank.reserve,
            worker.host,
            2 if stops and number == 0 else 1,
            workers=[worker.address],
            allow_other_workers=False,
            pure=False,
        )
        for number, worker in enumerate(workers)
    ]
    ports = client.gather(futures)
    machines = ",".join(f"{worker.host}:{own[0]}" for worker, own in zip(workers, ports, strict=True))
    accord = (workers[0].host, ports[0][1]) if stops else None
    return [
        msgspec.structs.replace(
            job,
            accord=accord,
            params={
                **job.params,
                "machines": machines,
                "local_listen_port": own[0],
                THREADS: worker.threads,
            },
        )
        for job, worker, own in zip(jobs, workers, ports, strict=True)
    ]


def _gathered(client: Any, workers: list[Worker], futures: list[Any]) -> list[Share]:
    """Every rank's share. Looks whether the workers are still there, since Dask waits for one that is lost."""
    needed = {worker.address for worker in workers}
    looked = time.monotonic()
    while any(future.status == "pending" for future in futures):
        failed = [future for future in futures if future.status not in ("pending", "finished")]
        if failed:
            raise _reason(client, needed, failed)
        if time.monotonic() - looked > _LOOK_SECONDS:
            looked = time.monotonic()
            if lost := needed - present(client):
                raise _lost(lost)
        time.sleep(_WAIT_SECONDS)
    failed = [future for future in futures if future.status != "finished"]
    if failed:
        raise _reason(client, needed, failed)
    return [msgspec.msgpack.decode(data, type=Share) for data in client.gather(futures)]


def _reason(client: Any, needed: set[str], failed: list[Any]) -> PulseError:
    """Why a rank has failed: what it says itself, unless it only says that another one is gone."""
    errors = [future.exception() for future in failed if future.status == "error"]
    told = [error for error in errors if isinstance(error, PulseError) and "ocket" not in error.message]
    if told:
        return told[0]
    lost = needed - present(client)
    bugs = [error for error in errors if not isinstance(error, PulseError)]
    if not lost and bugs and type(bugs[0]).__name__ != "KilledWorker":
        raise bugs[0]
    return _lost(lost)


def _lost(workers: set[str]) -> UnavailableError:
    who = f"The Dask worker {', '.join(sorted(workers))}" if workers else "A Dask worker"
    return UnavailableError(
        "training.worker_lost",
        f"{who} was lost while it trained.",
        "Look at its machine's memory and log, and run the protocol again.",
    )
