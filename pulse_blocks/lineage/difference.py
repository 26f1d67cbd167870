"""What differs between two models: data, protocol, parameters, metrics, versions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from pulse_blocks import bundle as bundles
from pulse_blocks.bundle import Bundle
from pulse_blocks.bundle.files import key_of
from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.lineage import origin, resolving
from pulse_blocks.lineage.node import Places
from pulse_blocks.protocol import spec
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Record, Snapshot
from pulse_blocks.training.text import parameters_of


class Change(Record, frozen=True, kw_only=True):
    """One value that differs; None where it is not there. ``path`` is dotted: ``features.distance.le``."""

    path: str
    before: Any
    after: Any


class SnapshotDifference(Record, frozen=True, kw_only=True):
    """Two snapshots by their manifests: chunks are the same where their rows are, whatever the file."""

    before: str
    after: str
    same: bool
    shared_chunks: int
    shared_rows: int
    chunks_only_before: int
    rows_only_before: int
    chunks_only_after: int
    rows_only_after: int
    changes: tuple[Change, ...]


class ModelDifference(Record, frozen=True, kw_only=True):
    """Two models. ``parameters`` are those that LightGBM was called with; ``missing`` says what cannot be compared."""

    before: str
    after: str
    same_trees: bool
    versions: tuple[Change, ...]
    snapshot: SnapshotDifference | None
    protocol: tuple[Change, ...]
    parameters: tuple[Change, ...]
    metrics: tuple[Change, ...]
    missing: tuple[str, ...]


def difference(places: Places, before: str, after: str) -> ModelDifference:
    """Compare two models by their bundles, manifests and texts. Raises PulseError where a bundle is missing."""
    ids = resolving.model_id(places, before), resolving.model_id(places, after)
    (old, old_protocol), (new, new_protocol) = (_bundle(places, one) for one in ids)
    missing: list[str] = []
    snapshots = [_or_missing(missing, _snapshot, places, one) for one in (old, new)]
    texts = [_or_missing(missing, _text, places, one) for one in (old, new)]
    return ModelDifference(
        before=ids[0],
        after=ids[1],
        same_trees=old.trees == new.trees,
        versions=_changes(_versions(places, old, texts[0]), _versions(places, new, texts[1])),
        snapshot=snapshot_difference(snapshots[0], snapshots[1]) if all(snapshots) else None,
        protocol=_changes(_flat(old_protocol), _flat(new_protocol)),
        parameters=_changes(*map(parameters_of, texts)) if all(texts) else (),
        metrics=_changes(old.run.metrics, new.run.metrics),
        missing=tuple(missing),
    )


def snapshot_difference(before: Snapshot, after: Snapshot) -> SnapshotDifference:
    """Compare two manifests: nothing is read but them."""
    old = {chunk.digest: chunk.rows for chunk in before.chunks}
    new = {chunk.digest: chunk.rows for chunk in after.chunks}
    shared, gone, come = old.keys() & new.keys(), old.keys() - new.keys(), new.keys() - old.keys()
    return SnapshotDifference(
        before=before.id,
        after=after.id,
        same=before.hash == after.hash,
        shared_chunks=len(shared),
        shared_rows=sum(old[one] for one in shared),
        chunks_only_before=len(gone),
        rows_only_before=sum(old[one] for one in gone),
        chunks_only_after=len(come),
        rows_only_after=sum(new[one] for one in come),
        changes=_changes(_about(before), _about(after)),
    )


def _bundle(places: Places, model: str) -> tuple[Bundle, Protocol]:
    key = key_of(model)
    data = places.store.get(key)
    expected = {one.bundle_sha256 for one in origin.stored(places, model)}
    if expected and hashlib.sha256(data).hexdigest() not in expected:
        raise PulseError(
            "bundle.corrupt",
            f"The bundle of {model} is not the one that was stored: {places.store.locate(key)}.",
            "Restore the file from a backup, or run the model again.",
        )
    return bundles.parse(data, places.store.locate(key))


def _snapshot(places: Places, bundle: Bundle) -> Snapshot:
    from pulse_blocks.snapshots.reading import load

    return load(places.store, bundle.snapshot.id)


def _text(places: Places, bundle: Bundle) -> bytes:
    text = places.store.get(bundle.text)
    if hashlib.sha256(text).hexdigest() != bundle.text_sha256:
        raise PulseError("bundle.corrupt", f"{places.store.locate(bundle.text)} differs from its sha256.")
    return text


def _or_missing(missing: list[str], read: Any, places: Places, bundle: Bundle) -> Any:
    try:
        return read(places, bundle)
    except UnavailableError:
        raise
    except PulseError as error:
        missing.append(f"{bundle.model}: {error.message}")
        return None


def _versions(places: Places, bundle: Bundle, text: bytes | None) -> dict[str, Any]:
    registered = [one.version for one in origin.stored(places, bundle.model)]
    found: dict[str, Any] = {
        "protocol": origin.names(bundle.model)["version"],
        "registry": registered[0] if registered else None,
        "bundle": bundle.format,
    }
    lines = (text or b"").split(b"\n", 3)
    form = next((line.removeprefix(b"version=") for line in lines if line.startswith(b"version=")), None)
    return found | ({"lightgbm text": form.decode()} if form else {})


def _about(snapshot: Snapshot) -> dict[str, Any]:
    window = snapshot.window
    return {
        "datasource": snapshot.datasource,
        "query": snapshot.query,
        "window.start": window.start if window else None,
        "window.end": window.end if window else None,
        "rows": snapshot.rows,
        "bytes": snapshot.bytes,
        **{f"columns.{column.name}": column.type for column in snapshot.columns},
    }


def _flat(protocol: Protocol) -> dict[str, Any]:
    return dict(_leaves("", msgspec.json.decode(spec.to_json(protocol))))


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Dotted path and value of everything that is no object; a list of plain values is one value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(f"{path}.{key}" if path else key, inner)
    elif isinstance(value, list) and any(isinstance(one, dict) for one in value):
        for at, inner in enumerate(value):
            yield from _leaves(f"{path}[{at}]", inner)
    else:
        yield path, value


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    paths = dict.fromkeys([*before, *after])
    return tuple(
        Change(path=path, before=before.get(path), after=after.get(path))
        for path in paths
        if before.get(path) != after.get(path)
    )
