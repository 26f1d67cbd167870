"""What runs on a Dask worker: one rank of a fit, on its own rows.

Only bytes go in and out, so that neither side unpickles anything but a function's name.
"""

from __future__ import annotations

import logging
import os
import socket
from typing import Any

import lightgbm as lgb
import msgspec
import numpy as np

from pulse_blocks import progress
from pulse_blocks.protocol.columns import features
from pulse_blocks.protocol.spec import WeightsSpec
from pulse_blocks.records import Snapshot
from pulse_blocks.snapshots.reading import load, read_chunk
from pulse_blocks.stores import Store, open_store
from pulse_blocks.training.blocks import Blocks, by_chunk
from pulse_blocks.training.boosting import Boosted, boost
from pulse_blocks.training.checkpoints import Checkpoints
from pulse_blocks.training.distributed import accord
from pulse_blocks.training.distributed.job import Job, Share
from pulse_blocks.training.encoding import labels
from pulse_blocks.training.parts import Part
from pulse_blocks.training.rounds import Agree

_log = logging.getLogger("pulse.lightgbm")
# Ports that were promised to a fit, bound until it uses them.
_held: dict[int, socket.socket] = {}


def reserve(host: str, count: int) -> list[int]:
    """So many free ports of this worker, kept for ``train``."""
    found = []
    for _ in range(count):
        held = socket.socket()
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind((host, 0))
        port = int(held.getsockname()[1])
        _held[port] = held
        found.append(port)
    return found


def train(data: bytes) -> bytes:
    """Train as the ``Job`` in ``data`` says, together with all other ranks. Gives a ``Share``."""
    from distributed import get_worker

    job = msgspec.msgpack.decode(data, type=Job)
    worker: Any = get_worker()

    def tell(told: progress.Progress) -> None:
        worker.log_event(job.topic, msgspec.to_builtins(told))

    if job.rank != 0:
        return msgspec.msgpack.encode(_fit(job))
    with progress.listening(tell):
        return msgspec.msgpack.encode(_fit(job))


def _fit(job: Job) -> Share:
    from pulse_blocks.stores.s3_calls import Credentials, sign_in

    if job.credentials:
        sign_in(Credentials(**job.credentials))  # type: ignore[arg-type]  # as Credentials wrote them
    store = open_store(job.store)
    snapshot = load(store, job.snapshot)
    own = part(job, snapshot, store, job.train.numbers(), weighed=True)
    watched = {
        name: part(job, snapshot, store, rows.numbers(), weighed=False) for name, rows in job.watched.items()
    }
    agree = _agreement(job)
    _quiet(job)
    # LightGBM binds the port itself.
    _held.pop(int(job.params["local_listen_port"])).close()
    leads = job.rank == 0
    found: Boosted = boost(
        job.protocol,
        job.params,
        Blocks(store, snapshot.chunks, features(job.protocol)),
        own,
        watched,
        Checkpoints(store, job.checkpoints, keeps=leads) if job.checkpoints else None,
        agree,
    )
    return Share(rank=job.rank, rows=int(own.rows.size), boosted=found if leads else None)


def _quiet(job: Job) -> None:
    """LightGBM tells of its connections before it has read how much it may say, and in every thread anew.

    One thread is LightGBM's own: in a worker that was started for this fit, standard output is not for that.
    """
    if job.embedded:
        os.dup2(2, 1)
    lgb.register_logger(_log)
    basic: Any = lgb.basic
    library = basic._LIB  # noqa: SLF001  the package does so for the thread that imports it
    library.LGBM_RegisterLogCallback(library.callback)


def _agreement(job: Job) -> Agree | None:
    if job.accord is None:
        return None
    if job.rank != 0:
        return accord.follower(job.accord, job.secret)
    listener = _held.pop(job.accord[1])
    listener.listen()
    return accord.leader(listener, int(job.params["num_machines"]) - 1, job.secret)


def part(job: Job, snapshot: Snapshot, store: Store, rows: np.ndarray, *, weighed: bool) -> Part:
    """Labels, and weights where rows count differently, of these rows, from the chunks that hold them."""
    spec, protocol = job.protocol.training.weights, job.protocol
    column = spec.column if weighed and isinstance(spec, WeightsSpec) else None
    names = [protocol.target.name, *([column] if column else [])]
    truth, counts = [], []
    for number, positions in by_chunk(snapshot.chunks, rows):
        table = read_chunk(store, snapshot.chunks[number], names).take(positions)
        truth.append(labels(table.column(protocol.target.name), protocol))
        if column:
            counts.append(_numbers(table.column(column)))
    found = np.concatenate(truth) if truth else np.empty(0)
    if weighed and job.class_weights is not None:
        return Part(rows, found, np.array(job.class_weights)[found.astype(np.int64)])
    return Part(rows, found, np.concatenate(counts) if counts else None)


def _numbers(column: Any) -> np.ndarray:
    import pyarrow as pa

    return np.asarray(column.cast(pa.float64(), safe=False).to_numpy())
