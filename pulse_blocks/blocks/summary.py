"""What a run of the pipeline came to, as it is handed to whoever started it."""

from __future__ import annotations

import msgspec


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to: ids, metrics of the held-out part, seconds by stage."""

    protocol: str
    snapshot: str
    run: str
    model: str
    metrics: dict[str, float]
    promoted: bool
    champion: str
    reason: str
    seconds: dict[str, float]
