"""``pulse predict``: ask the running runtime, as any other client would, over HTTP."""

from __future__ import annotations

import http.client
import os
import sys
from typing import Annotated, Any
from urllib.parse import SplitResult, quote, urlsplit

import msgspec
import typer

from pulse_blocks.cli import completing
from pulse_blocks.cli.output import Json, emit, facts, table
from pulse_blocks.cli.serve import DEFAULT_PORT
from pulse_blocks.errors import PulseError, UnavailableError

DEFAULT_URL = f"http://127.0.0.1:{DEFAULT_PORT}"
_TIMEOUT = 30.0


class RefusedError(PulseError):
    """What the runtime answered instead of a prediction; ``fields`` names every bad field of the input."""

    def __init__(self, code: str, message: str, hint: str | None, fields: list[dict[str, str]]) -> None:
        super().__init__(code, message, hint)
        self.args = (code, message, hint, fields)
        self.fields = fields


def predict(
    name: Annotated[str, typer.Argument(help="A model that is served.", autocompletion=completing.protocols)],
    record: Annotated[
        str,
        typer.Argument(metavar="JSON", help='One object, {"instances": [...]}, or - for stdin.'),
    ],
    *,
    url: Annotated[str, typer.Option(envvar="PULSE_RUNTIME_URL", help="Where the runtime is.")] = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """Ask the running runtime for a prediction. With --json the reply as it came.

    Where it asks for a key, put it into PULSE_API_KEY.
    """
    body = _checked(sys.stdin.buffer.read() if record == "-" else record.encode())
    reply = post(url, f"/predict/{quote(name, safe='')}", body, f"pulse serve {name}")
    emit(reply, lambda: render(reply), as_json=as_json)


def post(url: str, path: str, body: bytes, start: str) -> dict[str, Any]:
    """The runtime's reply. ``start`` is the command that starts a runtime.

    Raises RefusedError where the runtime refuses the input, UnavailableError where it is out of reach.
    """
    place = _place(url)
    host = place.hostname or ""
    kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
    try:
        connection = kind(host, place.port, timeout=_TIMEOUT)
        try:
            headers = {"Content-Type": "application/json", "Accept": "application/json"}
            if key := os.environ.get("PULSE_API_KEY"):
                headers["Authorization"] = f"Bearer {key}"
            connection.request("POST", place.path.rstrip("/") + path, body, headers)
            response = connection.getresponse()
            return _read(url, response.status, response.read())
        finally:
            connection.close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise UnavailableError(
            "runtime.unreachable",
            f"No runtime answers at {url}: {str(error) or type(error).__name__}.",
            f"Start it: {start}",
        ) from None


def _place(url: str) -> SplitResult:
    try:
        place = urlsplit(url)
        is_address = place.scheme in {"http", "https"} and bool(place.hostname)
    except ValueError:
        is_address = False
    if not is_address:
        raise PulseError("predict.url", f"{url} is no HTTP address.", f"Give one such as {DEFAULT_URL}.")
    return place


def render(reply: dict[str, Any]) -> str:
    """One prediction as facts, several as a table."""
    if isinstance(many := reply.get("predictions"), list) and many:
        headers = list(many[0])
        rows = [[_shown(one.get(header)) for header in headers] for one in many]
        return table([header.upper() for header in headers], rows)
    return facts([(key, _shown(value)) for key, value in reply.items()])


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4f}"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _checked(body: bytes) -> bytes:
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PulseError(
            "predict.json",
            f"The input is not JSON: {error}.",
            """Quote it for the shell: '{"distance": 1400}', or give - and pipe it in.""",
        ) from None
    return body


def _read(url: str, status: int, body: bytes) -> dict[str, Any]:
    try:
        reply = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise PulseError(
            "predict.reply", f"{url} answered with status {status} and no JSON.", "Is another server there?"
        ) from None
    if status == http.client.OK:
        return reply
    error = reply.get("error")
    told = error if isinstance(error, dict) else {}
    fields = [field for field in told.get("fields") or [] if isinstance(field, dict)]
    message = str(told.get("message") or f"The runtime answered with status {status}.")
    lines = [message, *(f"  {field.get('path')}: {field.get('message')}" for field in fields)]
    hint = told.get("hint")
    code = str(told.get("code") or f"http.{status}")
    raise RefusedError(code, "\n".join(lines), str(hint) if hint else None, fields)
