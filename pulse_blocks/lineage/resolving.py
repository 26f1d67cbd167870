"""From what a person typed to the one id that it begins."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from pulse_blocks.bundle.files import PREFIX as BUNDLES
from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.lineage.node import Places
from pulse_blocks.records import Snapshot
from pulse_blocks.snapshots.layout import SNAPSHOTS, is_id
from pulse_blocks.snapshots.reading import load

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
    """A run that has ended its training, with a model or refused."""
    rows = places.ledger.stage_rows(prefix)
    runs = (row.record_id for row in rows if row.stage in ("train", "refused"))
    return one(prefix, runs, "run", "Check the id: a run is known here once its training has ended.")


def model_id(places: Places, prefix: str) -> str:
    """A model that the store or the ledger knows."""
    return one(prefix, _models(places, prefix), "model", "Check the id: NAME@VERSION and seven hex digits.")


def no_id(places: Places, name: str) -> PulseError:
    """The refusal for what is neither an id nor a name that something is known of."""
    names = {one.datasource for one in sound_snapshots(places)} | set(places.ledger.promoted_names())
    near = difflib.get_close_matches(name, names, n=1)
    return PulseError(
        "lineage.no_id",
        f"{name!r} is not an id of Pulse, nor a datasource or a model of this workspace.",
        f"Did you mean {near[0]}?"
        if near
        else "Ids look like inference_01jd..., snap_9f2c..., run_5d0c... and flight-delay@1.0.0-3fa94c1.",
    )


def snapshot_ids(places: Places) -> list[str]:
    """Every snapshot that the store has something of."""
    names = (key.removeprefix(SNAPSHOTS).partition("/")[0] for key in places.store.keys(SNAPSHOTS))
    return list(dict.fromkeys(name for name in names if is_id(name)))


def sound_snapshots(places: Places) -> Iterator[Snapshot]:
    """Every snapshot whose manifest can be read; ``pulse audit verify`` tells the others."""
    for one in snapshot_ids(places):
        try:
            yield load(places.store, one)
        except UnavailableError:
            raise
        except PulseError:
            continue


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
