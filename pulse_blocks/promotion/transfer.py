"""A model from one workspace to the next: its files, its lineage, then the pointer.

Everything before the pointer may be repeated, and an attempt of the target's ledger moves it once. So whoever is
killed on the way runs the same command again, and there is one promotion.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from pulse_blocks import bundle as bundles
from pulse_blocks import ids
from pulse_blocks.bundle import LoadedBundle
from pulse_blocks.bundle.signing import sign, signing_key, variable_of
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import Ledger, migrate, open_ledger
from pulse_blocks.ledger.rows import Attempt, Promotion
from pulse_blocks.promotion import cargo
from pulse_blocks.promotion.departure import Departure, depart
from pulse_blocks.promotion.smoke import require_same_predictions
from pulse_blocks.records import Arrival, Record, Snapshot, StoredModel, to_json
from pulse_blocks.secret_urls import hidden
from pulse_blocks.settings import Workspace
from pulse_blocks.snapshots.layout import manifest_key
from pulse_blocks.stores import open_store
from pulse_blocks.stores.base import Store
from pulse_blocks.training.text import trees_sha256

# The stages of a model's run, in the order in which they were finished.
_STAGES = ("ingest", "snapshot", "validate", "train", "store")
ARRIVED = "arrive"


class Transfer(Record, frozen=True, kw_only=True):
    """A model that is champion in ``target`` now. ``moved`` is False where it was already.

    ``data`` says where its snapshot's chunks are (see ``Arrival``), ``new_bytes`` how much was copied;
    ``alias_lags`` says why the alias of the target's MLflow does not follow (None: it does).
    """

    name: str
    model: str
    previous: str | None
    reason: str
    who: str
    promotion: int
    source: str
    target: str
    data: Literal["shared", "copied", "reference"]
    new_bytes: int
    moved: bool
    alias_lags: str | None


def transfer(
    source: Workspace,
    target: Workspace,
    name: str,
    model: str | None,
    *,
    data: Literal["copy", "reference"],
    reason: str,
    who: str,
) -> Transfer:
    """Make a model of ``source`` (an id, a unique prefix, or None for the champion there) champion in ``target``.

    Its bundle, the manifest of its snapshot and the records of its run go with it; the snapshot's chunks where the
    stores differ and ``data`` says copy. Raises PulseError, and the target's pointer stands: what ``promote`` raises,
    ``promotion.same_workspace``, ``promotion.damaged``, ``promotion.other_file``.
    """
    if source.ledger == target.ledger:
        raise PulseError(
            "promotion.same_workspace",
            f"{source.name} and {target.name} have the same ledger, {hidden(source.ledger)}.",
            "Within one workspace: pulse promote NAME MODEL. pulse workspace show says where its value comes from.",
        )
    key = signing_key(target, create=True, variable=variable_of(target))
    with open_ledger(source.ledger) as ledger:
        leaving = depart(source, ledger, name, model)
    migrate(target.ledger)
    with open_ledger(target.ledger) as ledger:
        attempt = ledger.begin(name, f"{ARRIVED} {leaving.stored.model} {leaving.stored.bundle_sha256}")
        try:
            done = _Arriving(source, target, ledger, attempt, leaving, key).arrive(data, reason, who)
        except PulseError as error:
            ledger.end(attempt.id, "failed", error.message)
            raise
        ledger.end(attempt.id, "completed", f"{done.model} is champion, from {source.name}.")
        return done


class _Arriving:
    """One model on its way into a workspace."""

    def __init__(
        self,
        source: Workspace,
        target: Workspace,
        ledger: Ledger,
        attempt: Attempt,
        leaving: Departure,
        key: bytes,
    ) -> None:
        self._source, self._target = source, target
        self._ledger, self._attempt, self._leaving, self._key = ledger, attempt, leaving, key
        self._from, self._to = open_store(source.store), open_store(target.store)

    def arrive(self, data: Literal["copy", "reference"], reason: str, who: str) -> Transfer:
        stored, name = self._leaving.stored, self._leaving.loaded.bundle.name
        before = self._ledger.champion(name)
        arrival = self._arrival(data, reason, who)
        if before is not None and before.model == stored.model and before.attempt != self._attempt.id:
            return self._told(before, arrival, 0, None, moved=False)
        new = self._files(arrival)
        self._check()
        version, lags = self._register()
        self._records(arrival, version)
        promotion = self._ledger.promote(
            name=name,
            model=stored.model,
            bundle=stored.bundle,
            bundle_sha256=stored.bundle_sha256,
            version=version,
            run=stored.run,
            attempt=self._attempt.id,
            reason=f"from {self._source.name}: {reason}",
            who=who,
            signature=sign(
                self._key, name=name, model=stored.model, bundle=stored.bundle, sha256=stored.bundle_sha256
            ),
            instead_of=before.seq if before else 0,
        )
        return self._told(promotion, arrival, new, lags or self._alias_lags(name, stored.model), moved=True)

    def _told(
        self, promotion: Promotion, arrival: Arrival, new: int, lags: str | None, *, moved: bool
    ) -> Transfer:
        return Transfer(
            name=promotion.name,
            model=promotion.model,
            previous=promotion.previous,
            reason=promotion.reason,
            who=promotion.who,
            promotion=promotion.seq,
            source=self._source.name,
            target=self._target.name,
            data=arrival.data,
            new_bytes=new,
            moved=moved,
            alias_lags=lags,
        )

    def _arrival(self, data: Literal["copy", "reference"], reason: str, who: str) -> Arrival:
        chunks = self._leaving.chunks or hidden(self._source.store)
        shared = self._from.uri == self._to.uri
        here = data == "copy" or chunks == hidden(self._target.store)
        if shared and self._leaving.chunks is None:
            where: Literal["shared", "copied", "reference"] = "shared"
        else:
            where = "copied" if here else "reference"
        return Arrival(
            model=self._leaving.stored.model,
            bundle_sha256=self._leaving.stored.bundle_sha256,
            snapshot=self._leaving.stored.snapshot,
            route=(*self._leaving.route, self._source.name),
            store=hidden(self._source.store),
            ledger=hidden(self._source.ledger),
            data=where,
            chunks=chunks if where == "reference" else None,
            signature=self._leaving.signature,
            cause=self._leaving.cause,
            reason=reason,
            who=who,
        )

    def _files(self, arrival: Arrival) -> int:
        """What the target's store lacks. The manifest and then the bundle come last: nothing names half of a model."""
        leaving, new = self._leaving, 0
        rows = arrival.data == "copied"
        if rows:
            home = open_store(leaving.chunks) if leaving.chunks else self._from
            new += cargo.carry(home, self._to, list(cargo.chunks(leaving.snapshot)), leaving.snapshot.id)
        if self._from.uri == self._to.uri:
            return new
        items = [*cargo.beside(leaving.loaded, leaving.stored, leaving.snapshot)]
        if leaving.validated is not None:
            items += cargo.verdict(self._from, leaving.validated, rows=rows)
        new += cargo.carry(self._from, self._to, items, leaving.stored.model)
        bundle = cargo.Item(key=leaving.stored.bundle, sha256=leaving.stored.bundle_sha256)
        for last in (cargo.Item(key=manifest_key(leaving.snapshot.id)), bundle):
            cargo.claim(self._from, self._to, last)
        return new

    def _check(self) -> None:
        """Read again, from the target's store: hashes, ids, protocol, and what the model serves."""
        from pulse_blocks.snapshots.reading import load

        stored = self._leaving.stored
        loaded = bundles.load(self._to, stored.bundle, stored.bundle_sha256)
        _require_identity(self._to, loaded, stored, load(self._to, stored.snapshot))
        require_same_predictions(stored, self._to)

    def _register(self) -> tuple[str, str | None]:
        """The version in the target's MLflow, and why its alias stays where it is."""
        from pulse_blocks.tracking import Tracking

        leaving = self._leaving
        if self._source.tracking == self._target.tracking:
            lags = f"{self._target.name} shares its MLflow with {self._source.name}: the alias there stays."
            return leaving.stored.version, lags
        files = {"bundle.json": self._to.get(leaving.stored.bundle), "model.txt": leaving.loaded.model_text}
        version = Tracking(self._target).receive(
            leaving.loaded.protocol,
            leaving.trained,
            leaving.snapshot,
            self._attempt.id,
            self._source.name,
            files,
        )
        return version, None

    def _records(self, arrival: Arrival, version: str) -> None:
        """The run's records, as if its stages had been finished here; beside them where they come from."""
        leaving = self._leaving
        for stage in _STAGES:
            row = leaving.rows.get(stage)
            if row is None:
                continue
            record = row.record
            if stage == "store":
                record = to_json(msgspec.structs.replace(leaving.stored, version=version))
            self._ledger.finish_stage(self._attempt.id, stage, row.record_id, record, row.seconds)
        self._ledger.finish_stage(self._attempt.id, ARRIVED, arrival.model, to_json(arrival), 0.0)

    def _alias_lags(self, name: str, model: str) -> str | None:
        from pulse_blocks.tracking import Tracking

        try:
            Tracking(self._target).set_champion(name, model)
        except PulseError as error:
            return str(error)
        return None


def _require_identity(store: Store, loaded: LoadedBundle, stored: StoredModel, snapshot: Snapshot) -> None:
    """Raise PulseError ``promotion.damaged`` unless trees, protocol and data are those that the ids name."""
    found, protocol = loaded.bundle, loaded.protocol
    trees = trees_sha256(loaded.model_text)
    held = (
        (ids.model_id(protocol.name, protocol.version, trees), found.model, "model"),
        (found.model, stored.model, "model"),
        (found.run.id, stored.run, "run"),
        (found.snapshot.id, stored.snapshot, "snapshot"),
        (snapshot.hash, found.snapshot.hash, "snapshot"),
    )
    for one, other, what in held:
        if one != other:
            raise PulseError(
                "promotion.damaged",
                f"The {what} in {store.locate(stored.bundle)} is {one}, and {other} was to arrive.",
                "No pointer was moved. pulse audit verify says what else does not hold.",
            )
