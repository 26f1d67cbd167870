"""Bundles and the texts of models: whole, where they belong, and of one mind with ledger and manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from pulse_blocks import bundle as bundles
from pulse_blocks import ids
from pulse_blocks.bundle import Bundle
from pulse_blocks.bundle.files import PREFIX, key_of
from pulse_blocks.lineage.audit.finding import Finding, Tally, attempt
from pulse_blocks.lineage.node import Places
from pulse_blocks.lineage.noted import noted
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Snapshot, StoredModel, TrainedModel
from pulse_blocks.training.text import trees_sha256


def check(places: Places, tally: Tally) -> Iterator[Finding]:
    """Of all bundles in the store, and those of models that the ledger remembers."""
    stored: dict[str, list[StoredModel]] = {}
    for one in noted(places, StoredModel):
        stored.setdefault(one.model, []).append(one)
    keys = {*places.store.keys(PREFIX), *map(key_of, stored)}
    for key in sorted(keys):
        model = key.removeprefix(PREFIX).removesuffix(".json").replace("/", "@", 1)
        tally["bundles"] += 1
        for problem in _problems(places, key, model, stored.get(model, [])):
            yield Finding(kind="model", id=model, problem=problem)


def _problems(places: Places, key: str, model: str, stored: list[StoredModel]) -> Iterator[str]:
    data = attempt(lambda: places.store.get(key))
    if isinstance(data, str):
        yield f"Its bundle is missing: {data}"
        return
    where = places.store.locate(key)
    if stored and hashlib.sha256(data).hexdigest() not in {one.bundle_sha256 for one in stored}:
        yield f"Its bundle is not the one that was stored: {where} has another sha256."
    parsed = attempt(lambda: bundles.parse(data, where))
    if isinstance(parsed, str):
        yield parsed
        return
    found, protocol = parsed
    if found.model != model:
        yield f"The bundle {where} is that of {found.model}."
    yield from _text_problems(places, found)
    yield from _identity_problems(found, protocol)
    yield from _run_problems(places, found)
    yield from _snapshot_problems(places, found)


def _text_problems(places: Places, found: Bundle) -> Iterator[str]:
    text = attempt(lambda: places.store.get(found.text))
    if isinstance(text, str):
        yield f"Its text is missing: {text}"
        return
    if hashlib.sha256(text).hexdigest() != found.text_sha256:
        yield f"Its text {places.store.locate(found.text)} differs from its sha256."
    elif trees_sha256(text) != found.trees:
        yield "Its text holds other trees than its bundle names."


def _identity_problems(found: Bundle, protocol: Protocol) -> Iterator[str]:
    if ids.model_id(protocol.name, protocol.version, found.trees) != found.model:
        yield f"Its id is not that of its trees and of protocol {protocol.name} {protocol.version}."


def _run_problems(places: Places, found: Bundle) -> Iterator[str]:
    trainings = noted(places, TrainedModel, found.run.id)
    if not trainings:
        yield f"Its run {found.run.id} is missing: the ledger knows no such training."
        return
    for name in ("metrics", "started", "seconds", "tracking_run"):
        if getattr(trainings[0], name) != getattr(found.run, name):
            yield f"The {name} of its run {found.run.id} differ between bundle and ledger."


def _snapshot_problems(places: Places, found: Bundle) -> Iterator[str]:
    from pulse_blocks.snapshots.reading import load

    snapshot: Snapshot | str = attempt(lambda: load(places.store, found.snapshot.id))
    if isinstance(snapshot, str):
        yield f"Its snapshot is missing: {snapshot}"
        return
    for name in ("hash", "rows", "datasource", "created"):
        if getattr(snapshot, name) != getattr(found.snapshot, name):
            yield f"The {name} of its snapshot {found.snapshot.id} differ between bundle and manifest."
