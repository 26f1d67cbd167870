"""A client for the runtime, sync and async: predictions, labels, lineage.

It tries again only where that is safe: where a request never arrived, where the runtime said that it was not
answered (503), and, for what is the same twice (labels, look-ups), where a connection broke. A prediction whose
connection broke after it was sent is not sent again: it may have been made, and has its row in the ledger.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar
from urllib.parse import quote

from pulse_blocks.errors import PulseError, UnavailableError

if TYPE_CHECKING:
    import httpx

DEFAULT_URL = "http://127.0.0.1:8080"
# The first pause where the runtime names none; each next one is twice as long.
FIRST_PAUSE = 0.05
Record = Mapping[str, Any]
_Http = TypeVar("_Http", "httpx.Client", "httpx.AsyncClient")


class RefusedError(PulseError):
    """The runtime refused. ``status`` is HTTP's, ``fields`` the bad fields as ``path`` and ``message``."""

    def __init__(
        self, code: str, message: str, hint: str | None, status: int, fields: list[dict[str, str]]
    ) -> None:
        super().__init__(code, message, hint)
        self.args = (code, message, hint, status, fields)
        self.status = status
        self.fields = fields


class _Call(NamedTuple):
    """One request; ``again`` says that twice is the same as once."""

    method: str
    path: str
    json: Any = None
    again: bool = False


class _Client:
    """What both clients share: calls as data, and the decision whether to try again."""

    def __init__(
        self, url: str = DEFAULT_URL, *, key: str | None = None, timeout: float = 10.0, retries: int = 3
    ) -> None:
        """``key`` is an API key; ``timeout`` is for a call with all its tries, and goes to the runtime too."""
        self._url = url.rstrip("/")
        self._retries = retries
        self._timeout = timeout
        if key and not key.isascii():
            # No header can hold it, and no runtime has ever given it out.
            raise RefusedError(
                "serving.no_key",
                "The API key has a character that no key has.",
                "See pulse key list.",
                401,
                [],
            )
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def _open(self, kind: type[_Http]) -> _Http:
        import httpx

        try:
            return kind(base_url=self._url, headers=self._headers)
        except httpx.InvalidURL as error:
            raise self._unreachable(error) from error

    def _sent(self, deadline: float) -> dict[str, Any]:
        """Headers and time-out of a try: the runtime need not compute what nobody waits for any more."""
        left = max(0.001, deadline - time.monotonic())
        return {"headers": {"X-Request-Timeout": f"{left:.3f}"}, "timeout": left}

    def _pause(
        self, call: _Call, tried: int, deadline: float, outcome: httpx.Response | Exception
    ) -> float | None:
        """Seconds until the next try, None where there is none."""
        if tried > self._retries or not _is_safe(call, outcome):
            return None
        pause: float = FIRST_PAUSE * 2 ** (tried - 1)
        if not isinstance(outcome, Exception):
            pause = max(pause, _seconds(outcome.headers.get("retry-after")))
        return pause if time.monotonic() + pause < deadline else None

    def _result(self, outcome: httpx.Response | Exception) -> Any:
        if isinstance(outcome, Exception):
            raise self._unreachable(outcome) from outcome
        return _read(self._url, outcome)

    def _unreachable(self, error: Exception) -> UnavailableError:
        return UnavailableError(
            "runtime.unreachable",
            f"The runtime at {self._url} did not answer: {str(error) or type(error).__name__}.",
            "Check the address, and start it: pulse serve NAME.",
        )


def _is_safe(call: _Call, outcome: httpx.Response | Exception) -> bool:
    import httpx

    if isinstance(outcome, httpx.Response):
        return outcome.status_code == httpx.codes.SERVICE_UNAVAILABLE
    return call.again or isinstance(outcome, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)


def _seconds(retry_after: str | None) -> float:
    return float(retry_after) if retry_after and retry_after.isdigit() else 0.0


def _read(url: str, response: httpx.Response) -> Any:
    try:
        body = response.json()
    except ValueError:
        raise PulseError(
            "runtime.reply", f"{url} answered with status {response.status_code} and no JSON.",
            "Is another server there?",
        ) from None  # fmt: skip
    if response.is_success:
        return body
    error = body.get("error") if isinstance(body, dict) else None
    told = error if isinstance(error, dict) else {}
    raise RefusedError(
        str(told.get("code") or f"http.{response.status_code}"),
        str(told.get("message") or f"The runtime answered with status {response.status_code}."),
        told.get("hint"),
        response.status_code,
        list(told.get("fields") or []),
    )


def _predict(name: str, body: Any) -> _Call:
    return _Call("POST", f"/predict/{quote(name, safe='')}", body)


def _feedback(labels: Sequence[tuple[str, Any, dt.datetime | None]]) -> _Call:
    items = [
        {"inference_id": inference, "value": value, **({"time": time.isoformat()} if time else {})}
        for inference, value, time in labels
    ]
    return _Call("POST", "/feedback", {"labels": items}, again=True)


class PulseClient(_Client):
    """A runtime, from synchronous code. Raises RefusedError, or UnavailableError where it does not answer."""

    def __init__(
        self, url: str = DEFAULT_URL, *, key: str | None = None, timeout: float = 10.0, retries: int = 3
    ) -> None:
        import httpx

        super().__init__(url, key=key, timeout=timeout, retries=retries)
        self._http = self._open(httpx.Client)

    def predict(self, name: str, record: Record) -> dict[str, Any]:
        """The prediction for one record, with its ``inference_id`` and ``model``."""
        return dict(self._call(_predict(name, record)))

    def predict_many(self, name: str, records: Sequence[Record]) -> list[dict[str, Any]]:
        """A prediction for each record, in order: all of them or none."""
        return list(self._call(_predict(name, {"instances": list(records)}))["predictions"])

    def feedback(self, inference_id: str, value: Any, time: dt.datetime | None = None) -> bool:
        """Tell what turned out to be true; returns whether that was new."""
        return bool(self._call(_feedback([(inference_id, value, time)]))["recorded"])

    def lineage(self, inference_id: str) -> dict[str, Any]:
        """Where an id comes from: ``kind``, ``id``, ``facts``, ``children``."""
        return dict(self._call(_Call("GET", f"/lineage/{quote(inference_id, safe='')}", again=True)))

    def ready(self) -> dict[str, str]:
        """The served names and the model id of each."""
        return dict(self._call(_Call("GET", "/readyz", again=True))["models"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def _call(self, call: _Call) -> Any:
        import httpx

        deadline, tried = time.monotonic() + self._timeout, 0
        while True:
            tried += 1
            outcome: httpx.Response | Exception
            try:
                outcome = self._http.request(call.method, call.path, json=call.json, **self._sent(deadline))
            except httpx.HTTPError as error:
                outcome = error
            pause = self._pause(call, tried, deadline, outcome)
            if pause is None:
                return self._result(outcome)
            time.sleep(pause)


class AsyncPulseClient(_Client):
    """A runtime, from asynchronous code: as ``PulseClient``."""

    def __init__(
        self, url: str = DEFAULT_URL, *, key: str | None = None, timeout: float = 10.0, retries: int = 3
    ) -> None:
        import httpx

        super().__init__(url, key=key, timeout=timeout, retries=retries)
        self._http = self._open(httpx.AsyncClient)

    async def predict(self, name: str, record: Record) -> dict[str, Any]:
        """The prediction for one record, with its ``inference_id`` and ``model``."""
        return dict(await self._call(_predict(name, record)))

    async def predict_many(self, name: str, records: Sequence[Record]) -> list[dict[str, Any]]:
        """A prediction for each record, in order: all of them or none."""
        return list((await self._call(_predict(name, {"instances": list(records)})))["predictions"])

    async def feedback(self, inference_id: str, value: Any, time: dt.datetime | None = None) -> bool:
        """Tell what turned out to be true; returns whether that was new."""
        return bool((await self._call(_feedback([(inference_id, value, time)])))["recorded"])

    async def lineage(self, inference_id: str) -> dict[str, Any]:
        """Where an id comes from: ``kind``, ``id``, ``facts``, ``children``."""
        return dict(await self._call(_Call("GET", f"/lineage/{quote(inference_id, safe='')}", again=True)))

    async def ready(self) -> dict[str, str]:
        """The served names and the model id of each."""
        return dict((await self._call(_Call("GET", "/readyz", again=True)))["models"])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def _call(self, call: _Call) -> Any:
        import httpx

        deadline, tried = time.monotonic() + self._timeout, 0
        while True:
            tried += 1
            outcome: httpx.Response | Exception
            try:
                outcome = await self._http.request(
                    call.method, call.path, json=call.json, **self._sent(deadline)
                )
            except httpx.HTTPError as error:
                outcome = error
            pause = self._pause(call, tried, deadline, outcome)
            if pause is None:
                return self._result(outcome)
            await asyncio.sleep(pause)
