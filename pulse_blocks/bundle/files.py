"""Bundles in a store: created once, and never believed without their hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec

from pulse_blocks.bundle.record import FORMAT, Bundle, LoadedBundle, to_json
from pulse_blocks.bundle.signing import require_signature
from pulse_blocks.errors import PulseError
from pulse_blocks.formats import require_known
from pulse_blocks.ledger.rows import Promotion
from pulse_blocks.protocol import spec
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.stores.base import Store

PREFIX = "bundles/"


def key_of(model: str) -> str:
    """Where the bundle of a model id lies: ``bundles/NAME/VERSION-SHA7.json``."""
    name, _, version = model.partition("@")
    return f"{PREFIX}{name}/{version}.json"


def write(store: Store, bundle: Bundle) -> tuple[str, str]:
    """Write a bundle once; returns its key and the sha256 of its JSON.

    Identical trees keep their id: where there is a bundle of this model already, it stays as it is and its
    hash is returned.
    """
    key, data = key_of(bundle.model), to_json(bundle)
    if not store.create(key, data):
        data = store.get(key)
    return key, hashlib.sha256(data).hexdigest()


def load(store: Store, key: str, sha256: str) -> LoadedBundle:
    """Read a bundle and its model's text, both checked against their hashes and parsed from those bytes.

    Raises PulseError ``bundle.corrupt`` where a byte has changed, ``bundle.newer`` for a format of a later
    version of Pulse.
    """
    data = store.get(key)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise _corrupt(store.locate(key), "its sha256 is not the one that was promoted")
    bundle, protocol = parse(data, store.locate(key))
    text = store.get(bundle.text)
    if hashlib.sha256(text).hexdigest() != bundle.text_sha256:
        raise _corrupt(store.locate(bundle.text), f"its sha256 is not the one that the bundle {key} names")
    return LoadedBundle(bundle=bundle, protocol=protocol, model_text=text)


def load_promoted(store: Store, promotion: Promotion, key: bytes) -> LoadedBundle:
    """The bundle that a promotion names, once the signature over its name and hash has been checked.

    Raises PulseError ``bundle.unsigned`` or ``bundle.signature``, and what ``load`` raises.
    """
    require_signature(
        key,
        promotion.signature,
        name=promotion.name,
        model=promotion.model,
        bundle=promotion.bundle,
        sha256=promotion.bundle_sha256,
    )
    loaded = load(store, promotion.bundle, promotion.bundle_sha256)
    if loaded.bundle.model != promotion.model:
        raise _corrupt(
            store.locate(promotion.bundle), f"it holds {loaded.bundle.model}, not {promotion.model}"
        )
    return loaded


def parse(data: bytes, place: str) -> tuple[Bundle, Protocol]:
    """A bundle and its protocol from JSON; ``place`` names it in errors. No hash is checked here."""
    try:
        found = msgspec.json.decode(data, type=_Format).format
        require_known("bundle.newer", f"The bundle {place}", found, FORMAT)
        bundle = msgspec.json.decode(data, type=Bundle)
        return bundle, spec.from_json(bytes(bundle.protocol))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _corrupt(place, f"it is no bundle: {error}") from error


def find(store: Store, model_prefix: str = "") -> Iterator[Bundle]:
    """The bundles whose model id begins so, by key. For lineage: reads the JSON, not the model's text."""
    for key in store.keys(PREFIX):
        name, _, version = key.removeprefix(PREFIX).removesuffix(".json").partition("/")
        if f"{name}@{version}".startswith(model_prefix):
            yield parse(store.get(key), store.locate(key))[0]


class _Format(msgspec.Struct):
    format: int


def _corrupt(place: str, reason: str) -> PulseError:
    return PulseError(
        "bundle.corrupt",
        f"{place} cannot be used: {reason}.",
        "Restore the file from a backup, or run the model again.",
    )
