"""Inferences: input and output as their hashes say, each of a model that is known."""

from __future__ import annotations

import hashlib
from collections import Counter
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
    sealed, counts = places.ledger.sealed_counts(), Counter[str]()
    for row in places.ledger.each_inference():
        tally["inferences"] += 1
        if tally["inferences"] % _REPORTED == 0:
            progress.report("inferences", tally["inferences"], None, f"{tally['inferences']:,} verified")
        for problem in problems(row):
            yield Finding(kind="inference", id=row.id, problem=problem)
        counts[row.model] += row.model in sealed and row.at < sealed[row.model][0]
        if row.model not in known:
            known.add(row.model)
            if not is_known(places, row.model):
                problem = f"Its model {row.model} is missing: neither store nor ledger know it."
                yield Finding(kind="inference", id=row.id, problem=problem)
    for model, (until, count) in sealed.items():
        if counts[model] != count and places.ledger.sealed_counts().get(model) == (until, count):
            problem = f"Its kept count says {count:,} old inferences, the ledger holds {counts[model]:,}."
            yield Finding(kind="model", id=model, problem=problem)


def problems(row: Inference) -> Iterator[str]:
    """What is wrong with one inference by itself."""
    for what, text, sha256 in (
        ("input", row.input, row.input_sha256),
        ("output", row.output, row.output_sha256),
    ):
        if hashlib.sha256(text.encode()).hexdigest() != sha256:
            yield f"Its {what} differs from its sha256."


def is_known(places: Places, model: str) -> bool:
    """Whether store or ledger know a model."""
    return bool(origin.stored(places, model)) or places.store.size(key_of(model)) is not None
