"""What a scoring came to, from its parts: the fact for the ledger, and the answer for people."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.inference_files import InferenceFile
from pulse_blocks.ledger.scorings import Scoring, ScoringDetails
from pulse_blocks.ledger.table import now_us
from pulse_blocks.records import Window
from pulse_blocks.scoring.parts import folder_of
from pulse_blocks.scoring.records import Asked, Part, Scored
from pulse_blocks.stores import Store


def content_of(digests: Iterable[str]) -> str:
    """The sha256 over the digests of all parts, in order."""
    content = hashlib.sha256(b"pulse scoring 1\n")
    for digest in digests:
        content.update(f"{digest}\n".encode("ascii"))
    return content.hexdigest()


def files_of(parts: Sequence[Part]) -> list[InferenceFile]:
    """The files with predictions."""
    return [part.predictions for part in parts if part.predictions]


def fact(scoring: str, model: str, asked: Asked, started: int, parts: Sequence[Part]) -> Scoring:
    """The ledger's row of a scoring that has just been finished."""
    files, window = files_of(parts), asked.window
    refused = tuple(part.refused for part in parts if part.refused)
    return Scoring(
        id=scoring,
        name=asked.name,
        model=model,
        datasource=asked.datasource,
        started=started,
        ended=now_us(),
        rows=sum(file.rows for file in files),
        details=ScoringDetails(
            query=asked.query,
            start=window.start if window else None,
            end=window.end if window else None,
            content=content_of(part.digest for part in parts),
            refused=sum(file.rows for file in refused),
            refused_files=refused,
            files=len(files),
            bytes=sum(file.bytes for file in files),
        ),
    )


def scored(store: Store, ledger: Ledger, found: Scoring, *, existed: bool) -> Scored:
    """A scoring of the ledger for people."""
    details = found.details
    window = Window(start=details.start, end=details.end) if details.start and details.end else None
    return Scored(
        scoring=found.id,
        name=found.name,
        model=found.model,
        datasource=found.datasource,
        window=window,
        rows=found.rows,
        refused=details.refused,
        files=tuple(file.key for file in ledger.inference_files(found.id)),
        refused_files=tuple(file.key for file in details.refused_files),
        location=store.locate(folder_of(found.name, found.id).rstrip("/")),
        seconds=(found.ended - found.started) / 1e6,
        existed=existed,
    )
