"""``pulse serve``: the inference runtime in this process, until ctrl-C."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pulse_blocks.cli import completing

if TYPE_CHECKING:
    import socket

    from pulse_blocks.serving.tls import Tls
    from pulse_blocks.settings import Workspace

DEFAULT_PORT = 8080


def serve(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...",
            envvar="PULSE_SERVE",
            help="The models to serve.",
            autocompletion=completing.protocols,
        ),
    ],
    *,
    host: Annotated[
        str,
        typer.Option(
            envvar="PULSE_HOST", help="Where to listen. Where other machines can reach it, keys are required."
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(min=0, max=65535, envvar=["PULSE_PORT", "PORT"], help="0 takes a free port."),
    ] = DEFAULT_PORT,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that answer together.")] = 1,
    require_keys: Annotated[
        bool, typer.Option("--require-keys", help="Ask for a key on this machine too (pulse key create).")
    ] = False,
    behind_proxy: Annotated[
        bool,
        typer.Option(
            "--behind-proxy",
            envvar="PULSE_BEHIND_PROXY",
            help="Answer predictions without a key: something in front has asked who it is. All else needs one.",
        ),
    ] = False,
    fd: Annotated[
        int | None,
        typer.Option(
            min=3,
            metavar="N",
            help="Answer at a listening socket that was handed in as descriptor N, instead of --host and --port. "
            "What systemd hands in is found by itself.",
        ),
    ] = None,
    idle_exit: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION", help="End once nobody has asked for so long, such as 5m (one worker)."
        ),
    ] = None,
    compiled: Annotated[
        bool,
        typer.Option(
            "--compiled", help="Turn models into machine code beside the traffic (extra: compiled)."
        ),
    ] = False,
    tls_cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Serve HTTPS: a PEM certificate with its chain.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The certificate's private key, PEM.")
    ] = None,
) -> None:
    """Answer POST /predict/NAME until ctrl-C; every reply can be traced."""
    from pulse_blocks import settings
    from pulse_blocks.serving import server
    from pulse_blocks.serving.listening import is_loopback

    workspace = settings.load()
    handed_in = _handed_in(fd)
    if handed_in is not None:
        host = handed_in.getsockname()[0]
    server.serve(
        workspace,
        names,
        host,
        port,
        lambda url: _welcome(
            url, names, workspace, with_key=not behind_proxy and (require_keys or not is_loopback(host))
        ),
        workers=workers,
        require_keys=require_keys,
        behind_proxy=behind_proxy,
        tls=_tls(tls_cert, tls_key),
        handed_in=handed_in,
        idle_exit=_seconds(idle_exit, workers),
        compiled=compiled,
    )


def _handed_in(fd: int | None) -> socket.socket | None:
    from pulse_blocks.serving.handed_in import activated, socket_at

    descriptor = activated() if fd is None else fd
    return None if descriptor is None else socket_at(descriptor)


def _seconds(duration: str | None, workers: int) -> float | None:
    if duration is None:
        return None
    from msgspec import ValidationError, convert

    from pulse_blocks.protocol.vocabulary import Duration, seconds

    if workers > 1:
        raise typer.BadParameter("--idle-exit is for one worker: whoever starts it may start more.")
    try:
        return seconds(convert(duration, Duration))
    except ValidationError:
        raise typer.BadParameter(f"--idle-exit {duration} is no duration: write 90s or 5m.") from None


def _tls(certificate: Path | None, key: Path | None) -> Tls | None:
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise typer.BadParameter("--tls-cert and --tls-key belong together: give both.")
    from pulse_blocks.serving.tls import Tls

    return Tls(certificate, key)


def _welcome(url: str, names: list[str], workspace: Workspace, *, with_key: bool) -> None:
    """Say where the runtime is and how to ask it. A program that waits for it reads this line by line."""
    lines = [f"Serving {', '.join(names)} at {url} (documentation: {url}/docs; ctrl-C stops it)"]
    lines += [f"Try: {line}" for line in _examples(url, names, workspace, with_key=with_key)]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _examples(url: str, names: list[str], workspace: Workspace, *, with_key: bool) -> list[str]:
    from pulse_blocks import bundle
    from pulse_blocks.cli.examples import curl
    from pulse_blocks.ledger import open_ledger
    from pulse_blocks.stores import open_store

    store = open_store(workspace.store)
    with open_ledger(workspace.ledger) as ledger:
        champions = [found for name in names if (found := ledger.champion(name))]
    protocols = [bundle.load(store, one.bundle, one.bundle_sha256).protocol for one in champions]
    return [curl(url, protocol, with_key=with_key) for protocol in protocols]
