"""The Dask cluster of a fit: one of its own on this machine, or the one that the workspace names."""

from __future__ import annotations

import contextlib
import importlib
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlparse

import msgspec

from pulse_blocks.errors import PulseError, UnavailableError

CONNECT_SECONDS, _WAIT_SECONDS = 30.0, 120.0
_SETTINGS = {
    # A worker is never paused or restarted for its memory: whoever started the fit has given it what it may have.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    # A rank whose worker is lost cannot go on anywhere else.
    "distributed.scheduler.allowed-failures": 0,
    "distributed.admin.tick.limit": "1h",
}


class Worker(msgspec.Struct, frozen=True):
    """A worker's address at Dask, its host as the other workers reach it, and how many threads it has."""

    address: str
    host: str
    threads: int


@contextlib.contextmanager
def cluster(named: str | None, workers: int) -> Iterator[tuple[Any, list[Worker]]]:
    """A client and ``workers`` of its workers, in the order of their ranks.

    ``named`` is the address of a scheduler (``tcp://host:port``, ``tls://...``) or the dotted name of a cluster class.
    Raises PulseError("training.dask_missing") without the extra, UnavailableError where not enough workers come.
    """
    dask, distributed = _packages()
    with dask.config.set(_SETTINGS), contextlib.ExitStack() as stack:
        try:
            there = named is not None and "://" in named
            place = named if there else stack.enter_context(_made(distributed, named, workers))
            client = stack.enter_context(
                distributed.Client(place, timeout=CONNECT_SECONDS, set_as_default=False)
            )
            client.wait_for_workers(workers, timeout=_WAIT_SECONDS)
        except (OSError, TimeoutError, RuntimeError) as error:
            raise UnavailableError(
                "training.dask_unavailable",
                f"{workers} Dask workers are needed, and {named or 'the cluster on this machine'} does not give them:"
                f" {error}.",
                "Check `dask` in the workspace, and that the cluster has that many workers.",
            ) from None
        yield client, _workers(client)[:workers]


def present(client: Any) -> set[str]:
    """The addresses of the workers that are there now."""
    return set(client.scheduler_info(n_workers=-1)["workers"])


def _packages() -> tuple[Any, Any]:
    try:
        return importlib.import_module("dask"), importlib.import_module("distributed")
    except ImportError:
        raise PulseError(
            "training.dask_missing",
            "Training with several workers takes Dask, which is not installed.",
            "pip install 'pulse-blocks[distributed]', or set training.resources.workers to 1.",
        ) from None


def _made(distributed: Any, named: str | None, workers: int) -> Any:
    """A new cluster. On this machine: a process with one thread for each worker, and Dask listens on loopback alone.

    LightGBM's own port, on which ranks meet, cannot be bound to an address: it listens on all until they have met.
    """
    if named is not None:
        return _cluster_class(named)(n_workers=workers)
    return distributed.LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        memory_limit=0,
        host="127.0.0.1",
        # Its pages of state, on a free port.
        dashboard_address="127.0.0.1:0",
        silence_logs=logging.CRITICAL,
    )


def _cluster_class(named: str) -> Any:
    module, _, name = named.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise PulseError(
            "training.dask_class",
            f"`dask` in the workspace names {named}, and there is no such class: {error}.",
            "It is a scheduler's address (tcp://host:port) or a class, such as dask_kubernetes.operator.KubeCluster.",
        ) from None


def _workers(client: Any) -> list[Worker]:
    """All workers, sorted by address: which of them is which rank does not matter to the trees."""
    found = client.scheduler_info(n_workers=-1)["workers"]
    return [
        Worker(address, urlparse(address).hostname or "127.0.0.1", int(found[address]["nthreads"]))
        for address in sorted(found)
    ]
