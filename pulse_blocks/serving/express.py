"""The short way of a request that is one sound record: no task, no ASGI messages, one write.

Uvicorn's own way costs such a request a third of its time. Whatever is not plainly sound (a refusal, a key that is
not good, a large body, another dialect) goes that way instead, which answers everything: here nothing is decided
but "yes, and this is the answer".
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, cast

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from pulse_blocks.errors import PulseError
from pulse_blocks.serving import reading
from pulse_blocks.serving.app import App
from pulse_blocks.serving.bodies import one_record
from pulse_blocks.serving.champions import Slot
from pulse_blocks.serving.dialects.base import JSON, Headers
from pulse_blocks.serving.failures import ClientGoneError
from pulse_blocks.serving.guard import AUTHORIZATION, token_of
from pulse_blocks.serving.jobs import Job
from pulse_blocks.serving.keyring import Keyring
from pulse_blocks.serving.metrics import Metrics
from pulse_blocks.serving.model import Model

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

_LARGEST = 65_536
_TYPE = b"content-type"


class Express:
    """Takes requests from the protocol, on the event loop."""

    def __init__(
        self,
        app: App,
        slots: dict[str, Slot],
        metrics: Metrics,
        keyring: Keyring | None,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._app = app
        self._slots = {f"/predict/{name}": slot for name, slot in slots.items()}
        self._keyring = keyring
        self._metrics = metrics
        self._loop = loop
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, cycle: RequestResponseCycle) -> bool:
        """Have a POST answered whose body is there; False where it must go the long way, and nothing was done."""
        scope = cycle.scope
        slot = self._slots.get(scope["path"])
        headers = dict(scope["headers"])
        if slot is None or scope["method"] != "POST" or not self._is_plain(cycle, headers):
            return False
        job = _job(slot, cycle, headers)
        if job is None:
            return False
        slot.batcher.queue(job, _Waiting(self, cycle, slot, job))
        return True

    def _is_plain(self, cycle: RequestResponseCycle, headers: Headers) -> bool:
        if len(cycle.body) > _LARGEST or cycle.waiting_for_100_continue or cycle.flow.write_paused:
            return False
        if headers.get(_TYPE, JSON) != JSON:
            return False
        keyring = self._keyring
        if keyring is None:
            return True
        if len(headers) < len(list(cycle.scope["headers"])):
            # One is there twice; it may be the key.
            return False
        return keyring.check(token_of(headers.get(AUTHORIZATION, b"")), "predict") == "allowed"

    def answer(self, cycle: RequestResponseCycle, slot: Slot, job: Job) -> None:
        """Count and send a reply."""
        model = job.model
        self._metrics.predictions[model.id] += 1
        self._metrics.observe(slot.name, 200, (time.perf_counter_ns() - job.started) / 1e9)
        if cycle.disconnected or cycle.transport.is_closing():
            return
        body = job.replies[0]
        head = b"%bcontent-length: %d\r\npulse-inference-id: %b\r\n%b\r\n" % (
            self._beginning(cycle, model), len(body), job.ids[0].encode(),
            b"" if cycle.keep_alive else b"connection: close\r\n",
        )  # fmt: skip
        cycle.transport.write(head + body)
        cycle.response_started = cycle.response_complete = True
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()

    def refuse(self, cycle: RequestResponseCycle, slot: Slot, job: Job, error: Exception) -> None:
        """Answer with an error, by the long way; nobody hears of a client that has gone."""
        if isinstance(error, ClientGoneError):
            self._metrics.gone += 1
            return
        told = cast("ASGI3Application", self._app.refusing(slot, error, job.started))
        task = self._loop.create_task(cycle.run_asgi(told))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _beginning(self, cycle: RequestResponseCycle, model: Model) -> bytes:
        """Status line and the headers that all replies of a second share; uvicorn renews its list for the date."""
        if cycle.default_headers is not self._defaults or model is not self._model:
            self._defaults, self._model = cycle.default_headers, model
            shared = [*cycle.default_headers, (_TYPE, JSON), (b"pulse-model", model.id.encode())]
            self._shared = b"HTTP/1.1 200 OK\r\n" + b"".join(b"%b: %b\r\n" % pair for pair in shared)
        return self._shared

    _defaults: list[tuple[bytes, bytes]] | None = None
    _model: Model | None = None
    _shared = b""


def _job(slot: Slot, cycle: RequestResponseCycle, headers: Headers) -> Job | None:
    """A request as a job; None where it is to be refused."""
    started, model = time.perf_counter_ns(), slot.model
    try:
        until = reading.deadline(headers, started, model.deadline_ns)
    except PulseError:
        return None
    if not slot.batcher.has_room(model, until):
        return None
    record = one_record(model, bytes(cycle.body))
    return None if record is None else Job(model, (record,), started, until, cycle)


class _Waiting:
    """What a job has in the place of a future."""

    __slots__ = ("_cycle", "_express", "_job", "_over", "_slot")

    def __init__(self, express: Express, cycle: RequestResponseCycle, slot: Slot, job: Job) -> None:
        self._express = express
        self._cycle = cycle
        self._slot = slot
        self._job = job
        self._over = False

    def done(self) -> bool:
        return self._over

    def set_result(self, result: None) -> None:  # noqa: ARG002 - a future's interface
        self._over = True
        self._express.answer(self._cycle, self._slot, self._job)

    def set_exception(self, error: Exception) -> None:
        self._over = True
        self._express.refuse(self._cycle, self._slot, self._job, error)
