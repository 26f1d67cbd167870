"""Inferences: input and output as their hashes say, each of a model that is known."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from pulse_blocks import progress
from pulse_blocks.bundle.files import key_of
from pulse_blocks.ledger.rows import Inference
from pulse_blocks.lineage import origin
from pulse_blocks.lineage.audit.finding import Finding, Tally
from pulse_blocks.lineage.node import Places

_REPORTED = 10_000


def check(places: Places, tally: Tally) -> Iterator[Finding]:
    """Of all inferences that the ledger holds, streamed. A model that is missing is told once."""
    known: set[str] = set()
    for row in places.ledger.each_inference():
        tally["inferences"] += 1
        if tally["inferences"] % _REPORTED == 0:
            progress.report("inferences", tally["inferences"], None, f"{tally['inferences']:,} verified")
        for problem in _problems(row):
            yield Finding(kind="inference", id=row.id, problem=problem)
        if row.model not in known:
            known.add(row.model)
            if not _is_known(places, row.model):
                problem = f"Its model {row.model} is missing: neither store nor ledger know it."
                yield Finding(kind="inference", id=row.id, problem=problem)


def _problems(row: Inference) -> Iterator[str]:
    for what, text, sha256 in (
        ("input", row.input, row.input_sha256),
        ("output", row.output, row.output_sha256),
    ):
        if hashlib.sha256(text.encode()).hexdigest() != sha256:
            yield f"Its {what} differs from its sha256."


def _is_known(places: Places, model: str) -> bool:
    return bool(origin.stored(places, model)) or places.store.size(key_of(model)) is not None
