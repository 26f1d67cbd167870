"""The runtime as a process: binds, loads, serves, and drains when it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import uvicorn

from pulse_blocks.bundle.signing import signing_key
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import Ledger, open_ledger
from pulse_blocks.serving.alarms import Alarms
from pulse_blocks.serving.app import App, Asgi, Send
from pulse_blocks.serving.background import Background
from pulse_blocks.serving.batcher import Batcher, Engine
from pulse_blocks.serving.champions import Slot, Watcher, first_champion
from pulse_blocks.serving.compiled import compiling
from pulse_blocks.serving.express import Express
from pulse_blocks.serving.gathering import Gathering
from pulse_blocks.serving.graceful import GRACE_SECONDS, Server
from pulse_blocks.serving.guard import NO_KEY, Guard
from pulse_blocks.serving.idle import stop_when_idle
from pulse_blocks.serving.impatient import ImpatientProtocol
from pulse_blocks.serving.keyring import Keyring
from pulse_blocks.serving.listening import DEFAULT_PORT, bind_many, is_loopback, url_of
from pulse_blocks.serving.metrics import Metrics
from pulse_blocks.serving.model import Model
from pulse_blocks.serving.processes import Report, all_return, leave
from pulse_blocks.serving.reading import Message, Receive
from pulse_blocks.serving.spool import Spool
from pulse_blocks.serving.state import now
from pulse_blocks.serving.tls import Tls
from pulse_blocks.serving.workers import Supervisor
from pulse_blocks.settings import Workspace
from pulse_blocks.stores import Store, open_store
from pulse_blocks.ui.links import Links, links

log = logging.getLogger("pulse.serving")

# Requests leave none of themselves: the collector need not look after every 700 objects that are in use at once.
GARBAGE = 10_000

# Called with the runtime's address once it answers; with several workers in a process of its own.
Ready = Callable[[str], None]


class How(msgspec.Struct, frozen=True, kw_only=True):
    """Who is let in, by which way, and where workers put what they tell each other (None: there is one).

    ``links`` are the pages of others that people are sent to, ``idle_exit`` the seconds without a request after which
    the process ends. ``compiled`` is the folder for machine code where models are to be compiled.
    """

    require_keys: bool
    behind_proxy: bool
    tls: Tls | None
    shared: Path | None
    links: Links
    idle_exit: float | None
    compiled: Path | None


def serve(
    workspace: Workspace,
    names: Sequence[str],
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    ready: Ready | None = None,
    *,
    workers: int = 1,
    require_keys: bool = False,
    behind_proxy: bool = False,
    tls: Tls | None = None,
    handed_in: socket.socket | None = None,
    idle_exit: float | None = None,
    compiled: bool = False,
) -> None:
    """Serve the champions of ``names`` until SIGTERM or SIGINT; requests that were begun are answered.

    More than one worker are processes of their own, started again when they die. Where other machines can
    reach ``host``, keys are required whatever ``require_keys`` says. With ``behind_proxy`` predictions need none,
    because something in front has asked for it, and everything else does. Raises PulseError before anything is
    served: ``serving.port_taken``, ``serving.no_keys``, ``serving.no_champion``, ``serving.tls``,
    ``serving.no_temporary_folder``, or what is wrong with ledger or bundle. Port 0 takes a free one.
    ``handed_in`` is a listening socket that takes the place of host and port. With ``idle_exit`` it ends by itself
    once nobody has asked for so many seconds.
    With ``compiled`` models are turned into machine code, which needs the extra of that name.
    """
    if handed_in is not None:
        host, port = handed_in.getsockname()[:2]
    require_keys = require_keys or behind_proxy or not is_loopback(host)
    if require_keys and not behind_proxy:
        _require_a_key(workspace, host)
    if tls:
        tls.check()
    with contextlib.ExitStack() as opened:
        listeners = [opened.enter_context(one) for one in _listeners(handed_in, host, port, workers)]
        shared = Path(opened.enter_context(_shared_folder())) if workers > 1 else None
        how = How(
            require_keys=require_keys,
            behind_proxy=behind_proxy,
            tls=tls,
            shared=shared,
            links=links(workspace.tracking),
            idle_exit=idle_exit,
            compiled=workspace.folder / "compiled" if compiled else None,
        )
        url = url_of(listeners[0], "https" if tls else "http")

        def told() -> None:
            if ready:
                ready(url)

        if workers == 1:
            _work(workspace, names, how, listeners[0], told, (signal.SIGTERM, signal.SIGINT))
        else:
            Supervisor(
                listeners,
                lambda at, report: _work(workspace, names, how, at, report.ready, (signal.SIGTERM,), report),
                told,
            ).run()


def _shared_folder() -> tempfile.TemporaryDirectory[str]:
    """Where several workers put what they tell each other."""
    try:
        return tempfile.TemporaryDirectory(prefix="pulse-")
    except OSError as error:
        raise PulseError(
            "serving.no_temporary_folder",
            f"Several workers need a folder for temporary files, and none can be made: {error.strerror}.",
            "Mount one at /tmp (in Kubernetes an emptyDir), name one in TMPDIR, or serve with one worker.",
        ) from error


def _listeners(handed_in: socket.socket | None, host: str, port: int, count: int) -> list[socket.socket]:
    if handed_in is None:
        return bind_many(host, port, count)
    return [handed_in, *(handed_in.dup() for _ in range(count - 1))]


def _require_a_key(workspace: Workspace, host: str) -> None:
    """A runtime that asks for keys must not start where nobody can have one."""
    with open_ledger(workspace.ledger) as ledger:
        if ledger.usable_keys():
            return
    raise PulseError(
        "serving.no_keys",
        f"The runtime on {host} would answer holders of a key only, and there is none.",
        "Make one: pulse key create --scope predict --name NAME. Or listen on 127.0.0.1, for this machine alone.",
    )


def _work(
    workspace: Workspace,
    names: Sequence[str],
    how: How,
    listener: socket.socket,
    ready: Callable[[], None],
    signals: Sequence[signal.Signals],
    report: Report | None = None,
) -> None:
    """One process of the runtime, until one of ``signals``; ``report`` where another one watches it."""
    # What was imported stays as long as the process: walking over it for garbage stopped every request for 10 to 40 ms.
    gc.freeze()
    gc.set_threshold(GARBAGE, 10, 10)
    with open_ledger(workspace.ledger, workspace.durability) as ledger:
        store, key = open_store(workspace.store), signing_key(workspace)
        champions = {name: first_champion(ledger, name) for name in names}
        models = {
            name: (Model.load(store, promotion, key), promotion.seq) for name, promotion in champions.items()
        }
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            spool = Spool(ledger, workspace.folder / "spool", workspace.durability)
            runner.run(_run(models, ledger, spool, store, key, how, listener, ready, signals, report))


async def _run(
    models: dict[str, tuple[Model, int]],
    ledger: Ledger,
    spool: Spool,
    store: Store,
    key: bytes,
    how: How,
    listener: socket.socket,
    ready: Callable[[], None],
    signals: Sequence[signal.Signals],
    report: Report | None,
) -> None:
    loop, metrics = asyncio.get_running_loop(), Metrics()
    engine, alarms = Engine(ledger, loop, metrics, spool), Alarms()
    slots = {name: Slot(name, model, seq, Batcher(engine)) for name, (model, seq) in models.items()}
    for slot in slots.values():
        alarms.watch(engine.circuit, slot.name, "ledger", slot.name)
    watcher = Watcher(ledger, store, key, slots, metrics, alarms, compiling(how.compiled, key))
    background = Background(ledger, store, key, slots, metrics)
    engine.answered = background.tripwire.see

    def told() -> str:
        return gathering.text() if gathering else metrics.render(now(slots))

    predictions = App(slots, metrics, _pages(slots, metrics, ledger, store, told, how.links))
    gathering = Gathering(predictions, how.shared, lambda: metrics.render(now(slots))) if how.shared else None
    keeping = loop.create_task(gathering.keep()) if gathering else None
    app: Asgi = gathering or predictions
    keyring = Keyring(ledger, metrics) if how.require_keys else None
    express = Express(predictions, slots, metrics, None if how.behind_proxy else keyring, loop)
    server = Server(
        _config(
            Guard(app, keyring, NO_KEY if how.behind_proxy else frozenset()) if keyring else app,
            express,
            how.tls,
        ),
        ready,
    )
    for number in signals:
        loop.add_signal_handler(number, server.stop)
    idling = loop.create_task(stop_when_idle(server, how.idle_exit)) if how.idle_exit else None
    beating = loop.create_task(report.keep_beating()) if report else None
    try:
        await server.serve(sockets=[listener])
    finally:
        for task in (keeping, idling, beating):
            if task:
                task.cancel()
        closing = [watcher.close, background.close, engine.close, *([keyring.close] if keyring else [])]
        if not await all_return(closing, server.time_left()):
            log.error("The ledger or the store does not answer: this process ends without it.")
            leave(1)


def _pages(
    slots: dict[str, Slot],
    metrics: Metrics,
    ledger: Ledger,
    store: Store,
    told: Callable[[], str],
    links: Links,
) -> Callable[..., Any]:
    """The other pages, built when the first of them is asked for: predictions need not wait for them."""
    built: list[Any] = []

    async def pages(scope: Message, receive: Receive, send: Send) -> None:
        if not built:
            from pulse_blocks.serving.pages import build
            from pulse_blocks.ui.views import Sources

            look = Sources(ledger=ledger, store=store, served=lambda: tuple(slots), metrics=told, links=links)
            built.append(build(slots, metrics, ledger, store, look))
        await built[0](scope, receive, send)

    return pages


def _config(app: Asgi, express: Express, tls: Tls | None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="none",
        http=type("Protocol", (ImpatientProtocol,), {"express": express}),
        # Nobody here asks who a proxy says that a client is.
        proxy_headers=False,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.key if tls else None,
    )


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
