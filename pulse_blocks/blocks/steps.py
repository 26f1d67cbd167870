"""Flow runs of the training step, through Prefect's API: started, looked at, ended."""

from __future__ import annotations

import hashlib
from uuid import UUID

import httpx
from prefect import State
from prefect.client.orchestration import get_client
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.runtime import flow_run
from prefect.states import Cancelled, Cancelling, Crashed

from pulse_blocks.blocks.job_variables import job_variables
from pulse_blocks.errors import PulseError
from pulse_blocks.protocol import spec
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.stages.context import Context
from pulse_blocks.stores.base import Store
from pulse_blocks.training.sizing import in_bytes

FLOW = "train-model"
# What a Prefect server that is away, or not well, shows as. A fit does not need it, and goes on.
AWAY = (httpx.TransportError, httpx.HTTPStatusError)


def publish(store: Store, protocol: Protocol) -> None:
    """Put a protocol where its step finds it: the step trains by this one, whatever its image holds."""
    store.put(_key(protocol.digest), spec.to_json(protocol))


def published(store: Store, digest: str) -> Protocol:
    """The protocol with this digest. Raises PulseError where it is gone or has been changed."""
    data = store.get(_key(digest))
    if hashlib.sha256(data).hexdigest() != digest:
        raise PulseError(
            "protocol.damaged",
            f"{store.locate(_key(digest))} is damaged: it differs from the digest that names it.",
            "Delete it and run the protocol again.",
        )
    return spec.from_json(data)


def _key(digest: str) -> str:
    return f"protocols/{digest}.json"


def start(context: Context, pool: str, *, cpu: int, memory: list[str], key: str) -> str:
    """Start a step of an attempt; its flow run's id. The same ``key`` starts it once. ``memory`` ends with its limit.

    Raises PulseError where the pool or the deployment is missing.
    """
    with get_client(sync_client=True) as client:
        try:
            kind = client.read_work_pool(pool).type
        except ObjectNotFound:
            raise PulseError(
                "training.no_pool",
                f"The Prefect server has no work pool {pool}, which the workspace names for training.",
                "Create it from deployments/pools/; pulse infra check says what else is missing.",
            ) from None
    try:
        run = run_deployment(
            f"{FLOW}/{pool}",
            parameters={
                "protocol": context.protocol.name,
                "attempt": context.attempt,
                "digest": context.protocol.digest,
                "memory": memory,
            },
            flow_run_name=f"{context.protocol.name} {memory[-1]}",
            job_variables=job_variables(kind, context.workspace, cpu, in_bytes(memory[-1])),
            idempotency_key=key,
            timeout=0,
        )
    except ObjectNotFound:
        raise PulseError(
            "training.no_deployment",
            f"The Prefect server has no deployment {FLOW}/{pool}.",
            "pulse deploy registers it.",
        ) from None
    return str(run.id)  # type: ignore[union-attr]  # awaitable only when called in a coroutine


def this_run() -> str:
    """The id of the flow run that calls."""
    return str(flow_run.id)


def state_of(run: str) -> State[object] | None:
    """The state of a flow run; None where the server does not know it."""
    with get_client(sync_client=True) as client:
        try:
            return client.read_flow_run(UUID(run)).state
        except ObjectNotFound:
            return None


def is_of_containers(pool: str) -> bool:
    """Whether a pool starts containers somewhere; processes otherwise."""
    with get_client(sync_client=True) as client:
        return client.read_work_pool(pool).type != "process"


def awaits_container(run: str, pool: str) -> bool:
    """Whether a container was asked for, as far as the server was told: it may be long in coming, a process is not."""
    if not is_of_containers(pool):
        return False
    with get_client(sync_client=True) as client:
        return bool(client.read_flow_run(UUID(run)).infrastructure_pid)


def cancel(run: str, message: str) -> None:
    """Ask for the end of a flow run: its worker stops what it has started."""
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(UUID(run), Cancelling(message=message))


def cancelled(run: str, message: str) -> None:
    """Say that a flow run has ended because it was cancelled: what it was doing ends with its process."""
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(UUID(run), Cancelled(message=message), force=True)


def crash(run: str, message: str) -> None:
    """Say that a flow run has died."""
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(UUID(run), Crashed(message=message), force=True)
