"""The runtime as a process: binds, loads, serves, and drains when it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import uvicorn

from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import Ledger, open_ledger
from pulse_blocks.serving.app import App, Message, Receive, Send
from pulse_blocks.serving.batcher import Batcher
from pulse_blocks.serving.champions import Slot, Watcher, first_champion
from pulse_blocks.serving.journal import Journal
from pulse_blocks.serving.metrics import Metrics
from pulse_blocks.serving.model import Model
from pulse_blocks.settings import Workspace
from pulse_blocks.stores import Store, open_store

DEFAULT_PORT = 8080
GRACE_SECONDS = 10
_BACKLOG = 2048

# Called with the runtime's address once it answers.
Ready = Callable[[str], None]


def serve(
    workspace: Workspace,
    names: Sequence[str],
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    ready: Ready | None = None,
) -> None:
    """Serve the champions of ``names`` until SIGTERM or SIGINT; requests that were begun are answered.

    Raises PulseError before anything is served: ``serving.port_taken``, ``serving.not_loopback``,
    ``serving.no_champion``, or what is wrong with ledger or bundle. Port 0 takes a free one.
    """
    with bind(host, port) as listener, open_ledger(workspace.ledger) as ledger:
        store = open_store(workspace.store)
        champions = {name: first_champion(ledger, name) for name in names}
        models = {
            name: (Model.load(store, promotion), promotion.seq) for name, promotion in champions.items()
        }
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            runner.run(_run(models, ledger, store, listener, ready))


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to a loopback address, not yet listening."""
    check_loopback(host)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise _cannot_bind(error, host, port) from error
    return listener


def check_loopback(host: str) -> None:
    """Raise PulseError for an address that other machines can reach: there are no keys yet to ask for."""
    with contextlib.suppress(ValueError):
        if host == "localhost" or ipaddress.ip_address(host).is_loopback:
            return
    raise PulseError(
        "serving.not_loopback",
        f"The runtime does not listen on {host}: whoever reaches it could ask for predictions.",
        "Use 127.0.0.1, with a proxy in front that authenticates.",
    )


def _cannot_bind(error: OSError, host: str, port: int) -> PulseError:
    if error.errno == errno.EADDRINUSE:
        return PulseError(
            "serving.port_taken", f"Port {port} on {host} is taken by another program.",
            f"Choose another with --port {port + 1 if port < 65535 else 8081}, or --port 0 for a free one.",
        )  # fmt: skip
    return PulseError(
        "serving.cannot_bind", f"The runtime cannot listen on {host}:{port}: {error.strerror}.",
        "Choose another port with --port.",
    )  # fmt: skip


async def _run(
    models: dict[str, tuple[Model, int]],
    ledger: Ledger,
    store: Store,
    listener: socket.socket,
    ready: Ready | None,
) -> None:
    loop, metrics = asyncio.get_running_loop(), Metrics()
    journal = Journal(ledger, loop, metrics)
    slots = {
        name: Slot(name, model, seq, Batcher(loop, journal, metrics)) for name, (model, seq) in models.items()
    }
    watcher = Watcher(ledger, store, slots, metrics)
    server = _Server(_config(App(slots, metrics, _pages(slots, metrics, ledger))), ready)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    try:
        await server.serve(sockets=[listener])
    finally:
        watcher.close()
        await asyncio.to_thread(journal.close)


def _pages(slots: dict[str, Slot], metrics: Metrics, ledger: Ledger) -> Callable[..., Any]:
    """The other pages, built when the first of them is asked for: predictions need not wait for them."""
    built: list[Any] = []

    async def pages(scope: Message, receive: Receive, send: Send) -> None:
        if not built:
            from pulse_blocks.serving.pages import build

            built.append(build(slots, metrics, ledger))
        await built[0](scope, receive, send)

    return pages


def _config(app: App) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="none",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class _Server(uvicorn.Server):
    """Uvicorn, which tells when it answers and leaves signals to us: it would raise them again at its end."""

    def __init__(self, config: uvicorn.Config, ready: Ready | None) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._ready and sockets:
            host, port = sockets[0].getsockname()[:2]
            self._ready(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")

    def stop(self) -> None:
        """Stop gracefully; the second time at once."""
        self.force_exit = self.should_exit
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
