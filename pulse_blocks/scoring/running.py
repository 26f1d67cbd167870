"""A scoring from its beginning to the one moment at which all of it becomes visible.

Rows are read in a stream and scored in parts. Each part's files are in the store and its record in the ledger before
the next one begins, so a scoring that was killed is gone on with: it reads the rows again, and keeps each part
whose rows are still the same. The ledger names the files in one transaction at the end.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pulse_blocks import ids, progress
from pulse_blocks.bundle.signing import signing_key
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import Ledger, migrate, open_ledger
from pulse_blocks.ledger.rows import Attempt
from pulse_blocks.ledger.scorings import Scoring, question
from pulse_blocks.records import from_json, to_json
from pulse_blocks.scoring import asking, outcome
from pulse_blocks.scoring.leftovers import remove_leftovers
from pulse_blocks.scoring.parts import PART_ROWS, PartWriter
from pulse_blocks.scoring.reading import regrouped
from pulse_blocks.scoring.records import Asked, Part, Scored
from pulse_blocks.serving.champions import first_champion
from pulse_blocks.serving.model import Model
from pulse_blocks.settings import Workspace
from pulse_blocks.stores import Store, open_store

if TYPE_CHECKING:
    import pyarrow as pa

STAGE = "score"


def begin(
    workspace: Workspace,
    name: str,
    start: str | None = None,
    end: str | None = None,
    datasource: str | None = None,
    query: str | None = None,
) -> ScoringRun:
    """Load the champion of ``name`` and take up the scoring that was interrupted, if there is one.

    It is the same one where model, datasource, query and window are asked for in the same words, and its process is
    gone. Raises PulseError where there is no champion or what is asked for makes no sense; then nothing was touched.
    """
    migrate(workspace.ledger)
    given = (start, end, datasource, query)
    with open_ledger(workspace.ledger) as ledger:
        promotion = first_champion(ledger, name)
        model = Model.load(open_store(workspace.store), promotion, signing_key(workspace))
        asking.asked(model.protocol, *given, dt.datetime.now(dt.UTC))
        words = "\n".join([model.id, model.protocol.digest, *(text or "" for text in given)])
        attempt = ledger.begin(f"score {name}", hashlib.sha256(words.encode()).hexdigest())
    # "The last day" of a scoring that is gone on with is that before it was first begun.
    begun = dt.datetime.fromtimestamp(attempt.started / 1e6, dt.UTC)
    return ScoringRun(workspace, asking.asked(model.protocol, *given, begun), model, attempt)


class ScoringRun:
    """One scoring. ``run`` may be called again where something was out of reach: finished parts are kept."""

    def __init__(self, workspace: Workspace, asked: Asked, model: Model, attempt: Attempt) -> None:
        self.workspace = workspace
        self.asked = asked
        self.attempt = attempt.id
        self.id = ids.scoring_id(attempt.id)
        self._model = model
        self._started = attempt.started
        self._finished = {stage: from_json(record, Part) for stage, record in attempt.records.items()}
        self.parts_before = len(self._finished)

    def run(self) -> Scored:
        """Score every row. Raises PulseError; UnavailableError where trying again may help."""
        from pulse_blocks.snapshots.memory import lean

        store = open_store(self.workspace.store)
        with open_ledger(self.workspace.ledger) as ledger, lean():
            remove_leftovers(store, ledger, self.asked.name)
            found = self._made_before(ledger)
            if found is None:
                parts = self._score(store, ledger)
                mine = outcome.fact(self.id, self._model.id, self.asked, self._started, parts)
                found = ledger.keep_scoring(mine, outcome.files_of(parts))
            existed = found.id != self.id
            if existed:
                self._remove_files(store)
            ledger.end(self.attempt, "completed", f"{found.id}: {found.rows:,} predictions.")
            return outcome.scored(store, ledger, found, existed=existed)

    def failed(self, reason: str) -> None:
        """Close the attempt: what was refused would be refused again."""
        with open_ledger(self.workspace.ledger) as ledger:
            ledger.end(self.attempt, "failed", reason)

    def _made_before(self, ledger: Ledger) -> Scoring | None:
        """The scoring that is there already, if the rows are still those that it was made of."""
        mine = outcome.fact(self.id, self._model.id, self.asked, self._started, ())
        for known in reversed(ledger.scorings(self.asked.name)):
            if question(known) != question(mine):
                continue
            progress.report(STAGE, 0, None, "comparing the rows with those that were scored before")
            digests = (_digest(batch) for _, batch in self._batches())
            return known if outcome.content_of(digests) == known.details.content else None
        return None

    def _score(self, store: Store, ledger: Ledger) -> list[Part]:
        """Every part, those of an earlier try among them."""
        writer, parts, done = PartWriter(store, self._model, self.id), list[Part](), 0
        for total, batch in self._batches():
            digest = _digest(batch)
            stage = f"{STAGE} {len(parts)} {digest}"
            part = self._finished.get(stage)
            if part is None or not _is_whole(store, part):
                began = time.monotonic()
                part = writer.write(len(parts), digest, batch)
                self._finished[stage] = part
                ledger.finish_stage(self.attempt, stage, self.id, to_json(part), time.monotonic() - began)
            parts.append(part)
            done += part.rows
            progress.report(STAGE, done, total, f"{done:,} rows")
        progress.report(STAGE, done, done, f"{done:,} rows")
        return parts

    def _batches(self) -> Iterator[tuple[int | None, pa.RecordBatch]]:
        """The rows in batches of a part's size; before each how many rows there are in all, where that is known."""
        rows = asking.rows(self.workspace, self._model.protocol, self.asked)
        for batch in regrouped(rows.batches, PART_ROWS):
            yield rows.total, batch

    def _remove_files(self, store: Store) -> None:
        for part in self._finished.values():
            for file in (part.predictions, part.refused):
                if file is not None:
                    store.delete(file.key)


def _digest(batch: pa.RecordBatch) -> str:
    from pulse_blocks.snapshots.digest import digest

    return digest(batch)


def _is_whole(store: Store, part: Part) -> bool:
    """Whether the files of an earlier try are still what its record says."""
    for file in (part.predictions, part.refused):
        try:
            if file and hashlib.sha256(store.get(file.key)).hexdigest() != file.sha256:
                return False
        except PulseError as error:
            if error.code != "store.missing":
                raise
            return False
    return True
