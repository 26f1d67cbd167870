"""From the ledger's outbox to Prefect's API, over HTTP."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.rows import OutboxEvent

if TYPE_CHECKING:
    import httpx

TIMEOUT_SECONDS = 5.0


def deliver(ledger: Ledger, api_url: str, api_key: str | None = None) -> int:
    """Send what waits in the outbox to ``POST {api_url}/events``; returns how many events arrived.

    Each is marked once Prefect has taken it, and carries its outbox id, so that one sent twice is one event.
    Where the API is out of reach the rest stays for the next time; an event that it refuses stays too, and
    holds up no other. Never raises for the state of the API: no work may fail because nobody heard of it.
    """
    events = ledger.unsent()
    if not events:
        return 0
    import httpx

    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    sent = 0
    with httpx.Client(headers=headers, timeout=TIMEOUT_SECONDS) as client:
        for event in events:
            try:
                response = client.post(f"{api_url.rstrip('/')}/events", json=[as_prefect(event)])
            except (httpx.HTTPError, httpx.InvalidURL):
                break
            if response.is_success:
                ledger.mark_sent(event.id)
                sent += 1
            elif _is_out_of_order(response):
                break
    return sent


def as_prefect(event: OutboxEvent) -> dict[str, Any]:
    """The event in the form of Prefect's API.

    The payload's ``action`` is a label of the resource too: triggers look at labels only.
    """
    labels = {"prefect.resource.id": event.resource}
    if isinstance(event.payload.get("action"), str):
        labels["pulse.action"] = event.payload["action"]
    return {
        "id": event.id,
        "occurred": dt.datetime.fromtimestamp(event.at / 1_000_000, dt.UTC).isoformat(),
        "event": event.event,
        "resource": labels,
        "related": [],
        "payload": event.payload,
    }


def _is_out_of_order(response: httpx.Response) -> bool:
    """Whether the next event would fare no better: the server is unwell, or refuses whoever asks."""
    return response.is_server_error or response.status_code in {401, 403, 404, 408, 429}
