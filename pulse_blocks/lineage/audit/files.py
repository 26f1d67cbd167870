"""Files of inferences: there, unchanged, and each row in them as its hashes say."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator

from pulse_blocks import archive, progress
from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.ledger.inference_files import InferenceFile
from pulse_blocks.lineage.audit.finding import Finding, Tally
from pulse_blocks.lineage.audit.inferences import is_known, problems
from pulse_blocks.lineage.node import Places


def check(places: Places, tally: Tally) -> Iterator[Finding]:
    """Of all files that the ledger names, row by row, streamed; and of rows that scorings set aside."""
    known: set[str] = set()
    for file in places.ledger.inference_files():
        if file.deleted is not None:
            tally["deleted archives"] += 1
            continue
        tally["inference files"] += 1
        try:
            yield from _rows(places, file, tally)
        except UnavailableError:
            raise
        except PulseError as error:
            yield Finding(kind="inference file", id=file.key, problem=error.message)
        for model in file.models.keys() - known:
            known.add(model)
            if not is_known(places, model):
                problem = f"Its model {model} is missing: neither store nor ledger know it."
                yield Finding(kind="inference file", id=file.key, problem=problem)
        progress.report("inferences", tally["inferences"], None, f"{tally['inferences']:,} verified")


def _rows(places: Places, file: InferenceFile, tally: Tally) -> Iterator[Finding]:
    models: Counter[str] = Counter()
    first = last = ""
    if file.scoring is None:
        yield from _twice(places, file)
    for row in archive.inferences(places.store, file):
        tally["inferences"] += 1
        models[row.model] += 1
        first, last = first or row.id, row.id
        for problem in problems(row):
            yield Finding(kind="inference", id=row.id, problem=problem)
    if (first, last, dict(models)) != (file.first_id, file.last_id, file.models):
        yield Finding(
            kind="inference file", id=file.key, problem="It holds other inferences than the ledger says."
        )


def _twice(places: Places, file: InferenceFile) -> Iterator[Finding]:
    """Archived inferences that are in the ledger as well."""
    for batch in archive.batches(places.store, file, ["id"]):
        for one in sorted(places.ledger.models_of(batch.column("id").to_pylist())):
            yield Finding(kind="inference", id=one, problem=f"It is in the ledger and in {file.key} as well.")


def check_refused(places: Places, tally: Tally) -> Iterator[Finding]:
    """Of the rows that scorings set aside: the files are there and unchanged."""
    for name in places.ledger.promoted_names():
        for scoring in places.ledger.scorings(name):
            tally["scorings"] += 1
            for file in scoring.details.refused_files:
                try:
                    changed = hashlib.sha256(places.store.get(file.key)).hexdigest() != file.sha256
                    problem = "Its sha256 is not the one that was recorded." if changed else ""
                except UnavailableError:
                    raise
                except PulseError as error:
                    problem = error.message
                if problem:
                    yield Finding(kind="refused rows", id=file.key, problem=problem)
