"""Batch scorings: which rows were given to which model, when, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pulse_blocks.ledger.base import Row
from pulse_blocks.ledger.inference_files import InferenceFile, put_files
from pulse_blocks.ledger.rows import Fact
from pulse_blocks.ledger.table import Table

_SELECT = "select id, name, model, datasource, started, ended, rows, details from scorings"
_INSERT = "insert into scorings (id, name, model, datasource, started, ended, rows, details) values (?,?,?,?,?,?,?,?)"


class RefusedFile(Fact, frozen=True, kw_only=True):
    """A file of rows that got no prediction: its place in the store and its sha256."""

    key: str
    sha256: str
    rows: int


class ScoringDetails(Fact, frozen=True, kw_only=True):
    """What was asked and what was read.

    ``start`` and ``end`` are the window (ISO 8601, the end not included; None where there was none).
    ``content`` is the sha256 over the rows that were read, ``refused`` how many of them got no prediction.
    """

    query: str
    start: str | None
    end: str | None
    content: str
    refused: int
    refused_files: tuple[RefusedFile, ...]
    files: int
    bytes: int


class Scoring(Fact, frozen=True, kw_only=True):
    """One scoring that is whole. ``rows`` is how many predictions it made."""

    id: str
    name: str
    model: str
    datasource: str
    started: int
    ended: int
    rows: int
    details: ScoringDetails


class Scorings(Table):
    """Facts that are only ever added, each together with its files."""

    def keep_scoring(self, scoring: Scoring, files: Sequence[InferenceFile]) -> Scoring:
        """Record a scoring and its files, all or nothing. Returns the one that counts.

        The same rows asked for in the same way and scored by the same model are one scoring: where somebody
        has recorded it already, that one is returned and nothing is written.
        """
        with self._database.write() as transaction:
            rows = transaction.execute(
                f"{_SELECT} where name = ? and model = ? and rows = ? order by started",
                (scoring.name, scoring.model, scoring.rows),
            )
            for known in map(_scoring, rows):
                if known.id == scoring.id or is_same(known, scoring):
                    return known
            transaction.execute(
                _INSERT,
                (
                    scoring.id, scoring.name, scoring.model, scoring.datasource, scoring.started, scoring.ended,
                    scoring.rows, msgspec.json.encode(scoring.details).decode(),
                ),
            )  # fmt: skip
            put_files(transaction, files)
            return scoring

    def scorings(self, name: str) -> list[Scoring]:
        """All scorings of a name, the oldest first."""
        return list(map(_scoring, self._database.read(f"{_SELECT} where name = ? order by started", (name,))))

    def scoring(self, id_or_prefix: str) -> Scoring:
        """The scoring with this id or unique prefix.

        Raises PulseError ``lineage.unknown`` or ``lineage.ambiguous``.
        """
        return _scoring(
            self._only(
                _SELECT,
                id_or_prefix,
                "scoring",
                "Check the id: a scoring is known once all of it has been written.",
            )
        )


def is_same(one: Scoring, other: Scoring) -> bool:
    """Whether two scorings gave the same rows to the same model, asked for in the same way."""
    return question(one) == question(other) and one.details.content == other.details.content


def question(scoring: Scoring) -> tuple[object, ...]:
    """What was asked for, and of which model; the answer may differ where the rows do."""
    details = scoring.details
    return scoring.name, scoring.model, scoring.datasource, details.query, details.start, details.end


def _scoring(row: Row) -> Scoring:
    facts = dict(zip(Scoring.__struct_fields__, row, strict=True))
    return Scoring(**{**facts, "details": msgspec.json.decode(facts["details"], type=ScoringDetails)})
