"""What each page shows, gathered from ledger and store: facts, which the templates only lay out."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.rows import Promotion
from pulse_blocks.ledger.table import now_us
from pulse_blocks.lineage import Node, trace_in
from pulse_blocks.lineage.node import time_of
from pulse_blocks.records import Record
from pulse_blocks.stores.base import Store
from pulse_blocks.ui.drift import DriftHistory, drift_history
from pulse_blocks.ui.links import Links
from pulse_blocks.ui.live import Live, live
from pulse_blocks.ui.traffic import MINUTES, NEWEST, TrafficFacts, traffic


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """Where pages look: the workspace's places, this runtime's metrics, and the pages of others."""

    ledger: Ledger
    store: Store
    served: Callable[[], tuple[str, ...]]
    metrics: Callable[[], str]
    links: Links


class ModelRow(Record, frozen=True, kw_only=True):
    """One name on the first page. ``served`` is whether this runtime answers for it."""

    name: str
    champion: str
    since: str
    promotions: int
    served: bool
    traffic: TrafficFacts
    drift: DriftHistory


class Home(Record, frozen=True, kw_only=True):
    """The first page."""

    models: tuple[ModelRow, ...]
    live: Live


class ModelPage(Record, frozen=True, kw_only=True):
    """A name: who was its champion, the newest first, and what drift checks found."""

    row: ModelRow
    history: tuple[Promotion, ...]


def home(sources: Sources) -> Home:
    """Every name that has a champion."""
    rows = tuple(_row(sources, name) for name in sources.ledger.promoted_names())
    return Home(models=rows, live=live(sources.metrics()))


def model(sources: Sources, name: str) -> ModelPage:
    """One name. Raises PulseError where nothing was ever promoted under it."""
    history = sources.ledger.promotions(name)
    if not history:
        raise PulseError(
            "ui.no_model", f"No model named {name} was ever promoted here.", "The first page lists all."
        )
    return ModelPage(row=_row(sources, name, history), history=tuple(reversed(history)))


def lineage(sources: Sources, asked: str) -> Node:
    """The tree of an id, a unique prefix of one, or a name. Raises as ``lineage.trace`` does."""
    return trace_in(sources.ledger, sources.store, asked)


def _row(sources: Sources, name: str, history: list[Promotion] | None = None) -> ModelRow:
    promotions = history or sources.ledger.promotions(name)
    champion, now = promotions[-1], now_us()
    newest = sources.ledger.newest_latencies(champion.model, now - MINUTES * 60_000_000, NEWEST)
    return ModelRow(
        name=name,
        champion=champion.model,
        since=time_of(champion.at),
        promotions=len(promotions),
        served=name in sources.served(),
        traffic=traffic(newest, now),
        drift=drift_history(sources.ledger, name),
    )
