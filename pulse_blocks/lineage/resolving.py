"""From what a person typed to the one id that it begins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pulse_blocks.bundle.files import PREFIX as BUNDLES
from pulse_blocks.errors import PulseError
from pulse_blocks.lineage.node import Places
from pulse_blocks.snapshots.layout import SNAPSHOTS

_SHOWN = 3


def one(prefix: str, candidates: Iterable[str], what: str, hint: str) -> str:
    """The only candidate that begins with ``prefix``; a whole id wins over longer ones.

    Raises PulseError ``lineage.unknown`` or ``lineage.ambiguous``.
    """
    found = sorted({candidate for candidate in candidates if candidate.startswith(prefix)})
    if not found:
        raise PulseError("lineage.unknown", f"There is no {what} {prefix} in this workspace.", hint)
    if len(found) > 1 and found[0] != prefix:
        some = ", ".join(found[:_SHOWN])
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise PulseError(
            "lineage.ambiguous", f"{prefix} begins more than one id: {some}{more}.", "Give more digits."
        )
    return found[0]


def snapshot_id(places: Places, prefix: str) -> str:
    """A snapshot that the store or the ledger knows."""
    return one(
        prefix, _snapshots(places, prefix), "snapshot", "pulse snapshot list shows those that are there."
    )


def run_id(places: Places, prefix: str) -> str:
    """A run whose gates have held. MLflow has the others too."""
    runs = (row.record_id for row in places.ledger.stage_rows(prefix, "train"))
    return one(prefix, runs, "run", "Check the id: a run is known here once its gates have held.")


def model_id(places: Places, prefix: str) -> str:
    """A model that the store or the ledger knows."""
    return one(prefix, _models(places, prefix), "model", "Check the id: NAME@VERSION and seven hex digits.")


def _snapshots(places: Places, prefix: str) -> Iterator[str]:
    for key in places.store.keys(SNAPSHOTS):
        name = key.removeprefix(SNAPSHOTS).partition("/")[0]
        if name.startswith(prefix):
            yield name
    for row in places.ledger.stage_rows(prefix, "snapshot"):
        yield row.record_id


def _models(places: Places, prefix: str) -> Iterator[str]:
    for key in places.store.keys(BUNDLES):
        yield key.removeprefix(BUNDLES).removesuffix(".json").replace("/", "@", 1)
    for row in places.ledger.stage_rows(prefix, "store"):
        yield row.record_id
