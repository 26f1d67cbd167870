"""Inferences of batch scorings, and the scorings themselves."""

from __future__ import annotations

from typing import Any

from pulse_blocks import archive
from pulse_blocks.archive import Filed
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger.inference_files import InferenceFile
from pulse_blocks.ledger.rows import Inference
from pulse_blocks.ledger.scorings import Scoring
from pulse_blocks.lineage.graph import Sketch
from pulse_blocks.lineage.node import Places, time_of


def inference(places: Places, id_or_prefix: str) -> tuple[Inference, InferenceFile | None]:
    """The inference that an id or a unique prefix names, and the file that holds it: None for a row of the ledger.

    Raises PulseError ``lineage.unknown`` or ``lineage.ambiguous``, and ``archive.corrupt`` where the file that should
    hold it has changed.
    """
    row: Inference | None = None
    unknown: PulseError | None = None
    try:
        row = places.ledger.inference(id_or_prefix)
    except PulseError as error:
        if error.code != "lineage.unknown":
            raise
        unknown = error
    if row is not None and row.id == id_or_prefix:
        return row, None
    filed = archive.find(places.ledger, places.store, id_or_prefix)
    found: list[Filed | Inference] = [*filed, *([row] if row else ())]
    if unknown is not None and not filed:
        raise unknown
    if len(found) > 1:
        raise PulseError(
            "lineage.ambiguous", f"{id_or_prefix} begins more than one id: {_id(found[0])} and {_id(found[1])} among"
            " others.", "Give more digits.",
        )  # fmt: skip
    return (row, None) if row is not None else (filed[0].inference, filed[0].file)


def part_of(sketch: Sketch, places: Places, inference_id: str, file: InferenceFile) -> None:
    """Draw the scoring that an inference was made by; nothing where its file is an archive."""
    if file.scoring is None:
        return
    facts(sketch, places, places.ledger.scoring(file.scoring))
    sketch.link(inference_id, "part of", file.scoring)


def deleted(places: Places, inference_id: str) -> str:
    """Which deleted archive may have held an inference, in words; empty where there is none."""
    files = [file for file in places.ledger.inference_files_of(inference_id) if file.deleted is not None]
    return " ".join(
        f"{file.rows:,} inferences of {', '.join(sorted(file.models))} from that time were archived at"
        f" {time_of(file.at)} and deleted by retention at {time_of(file.deleted)}."
        for file in files
        if file.deleted is not None
    )


def facts(sketch: Sketch, places: Places, scoring: Scoring) -> None:
    """Draw a scoring without what it stands on."""
    details = scoring.details
    found: dict[str, Any] = {
        "started": time_of(scoring.started),
        "seconds": (scoring.ended - scoring.started) / 1e6,
        "datasource": scoring.datasource,
        "query": details.query,
        "window": f"{details.start} to {details.end}" if details.start else None,
        "predictions": scoring.rows,
        "refused": details.refused,
        "files": [file.key for file in places.ledger.inference_files(scoring.id)],
    }
    sketch.add("scoring", scoring.id, found)


def _id(found: Filed | Inference) -> str:
    return found.id if isinstance(found, Inference) else found.inference.id
