"""What a scoring was asked for, what it has done so far, and what came of it."""

from __future__ import annotations

from pulse_blocks.ledger.inference_files import InferenceFile
from pulse_blocks.ledger.scorings import RefusedFile
from pulse_blocks.records import Record, Window


class Asked(Record, frozen=True, kw_only=True):
    """Which rows. ``of_protocol`` is whether they come as in training: the protocol's own datasource and query."""

    name: str
    datasource: str
    query: str
    window: Window | None
    of_protocol: bool


class Part(Record, frozen=True, kw_only=True):
    """Rows that were scored together: ``rows`` were read, their content has the sha256 ``digest``.

    Either file is None where there is nothing for it.
    """

    number: int
    digest: str
    rows: int
    predictions: InferenceFile | None
    refused: RefusedFile | None


class Scored(Record, frozen=True, kw_only=True):
    """A scoring that is whole. ``rows`` got a prediction and ``refused`` did not.

    ``files`` are keys in the store, ``location`` is the folder that people find them in. ``existed`` says that the
    same rows had been scored by the same model before: this is that scoring. ``seconds`` is what it took.
    """

    scoring: str
    name: str
    model: str
    datasource: str
    window: Window | None
    rows: int
    refused: int
    files: tuple[str, ...]
    refused_files: tuple[str, ...]
    location: str
    seconds: float
    existed: bool
