"""One loaded model: what it accepts, what it computes, what it answers."""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec
from msgspec.structs import astuple

from pulse_blocks import bundle as bundles
from pulse_blocks.boosters.predictor import Predictor
from pulse_blocks.boosters.trees import are_finite
from pulse_blocks.bundle import LoadedBundle
from pulse_blocks.bundle.privacy import Privacy
from pulse_blocks.ledger.rows import Promotion
from pulse_blocks.protocol.calibration import apply as calibrated
from pulse_blocks.protocol.expressions import checker
from pulse_blocks.protocol.requests import Columns, many_type, request_type
from pulse_blocks.protocol.spec import seconds
from pulse_blocks.serving.cache import Answer, Cache
from pulse_blocks.serving.circuit import CLOSED, Circuit
from pulse_blocks.serving.encoding import Encoder
from pulse_blocks.serving.outputs import renderer
from pulse_blocks.stores.base import Store

# What a batch may take on the event loop, where nothing else happens meanwhile.
QUICK_NS = 10_000_000
_FEW_ROWS, _MANY_ROWS = 8, 64


class Predicting(Protocol):
    """LightGBM, or what gives the same bits."""

    outputs: int

    def predict(self, matrix: array[float], rows: int) -> list[float]:
        """The values of ``rows`` rows, ``outputs`` for each; ``matrix`` holds them one after the other."""


class Model:
    """A model ready to answer, with its cache and its circuit. A promotion makes a new one."""

    def __init__(self, loaded: LoadedBundle, key: bytes | None = None) -> None:
        """``key`` is the workspace's signing key, for private columns: needed where answers are kept.

        Raises PulseError where the model's text cannot be used with the bundle's protocol.
        """
        self.id = loaded.bundle.model
        self.name = loaded.bundle.name
        # What stands between an inference's id and its output in a reply.
        self.beside = b'","model":"%b",' % self.id.encode()
        self.protocol = loaded.protocol
        self.bundle = loaded.bundle
        self.max_rows = loaded.protocol.serving.batch.max_rows
        self.queue = loaded.protocol.serving.queue
        serving = loaded.protocol.serving
        self.privacy = Privacy(loaded.protocol, key)
        stored = self.privacy.stored if self.privacy.columns else None
        self.cache = Cache(serving.cache.entries, seconds(serving.cache.ttl), stored=stored)
        self.spools = serving.spool
        self.circuit = Circuit(serving.breaker.failures, seconds(serving.breaker.reset))
        self.falls_back = serving.breaker.fallback == "previous-version"
        self.deadline_ns = int(seconds(serving.deadline) * 1e9)
        # Early enough for the fallback to answer within the time that is left.
        self.hang_ns = self.deadline_ns // 2
        self.record = request_type(loaded.protocol)
        self.decode = msgspec.json.Decoder(self.record).decode
        self.decode_many = msgspec.json.Decoder(many_type(self.record, "instances")).decode
        self.columns = Columns(loaded.protocol)
        self._refusal = checker(list(loaded.protocol.features), loaded.bundle.row_checks)
        self.encoder = Encoder(loaded.protocol, self.privacy)
        self._has_checks = bool(loaded.bundle.row_checks)
        self.text = loaded.model_text
        self.predictor: Predicting = Predictor(loaded.model_text, self.encoder.columns)
        self._is_finite = are_finite(loaded.model_text)
        self._row_ns = 0.0
        if self._is_finite:
            self._try()
        self._calibration = loaded.bundle.calibration
        self._render = renderer(loaded.protocol, self.predictor.outputs, loaded.bundle.threshold)

    @classmethod
    def load(cls, store: Store, promotion: Promotion, key: bytes) -> Model:
        """The model that a promotion names, signed with ``key``. Raises PulseError, and nothing has changed."""
        return cls(bundles.load_promoted(store, promotion, key), key)

    def answer(self, record: msgspec.Struct, output: bytes) -> Answer:
        """An output that was not asked for by a request, as it is kept."""
        return Answer.of(self.privacy.stored(msgspec.json.encode(record)), output)

    def use(self, predictor: Predicting) -> None:
        """Go on with another predictor, which gives the same bits."""
        self.predictor = predictor

    def took(self, nanoseconds: int, rows: int) -> None:
        """Note how long a call has taken. One for a few rows says little about each: most of it is the call itself."""
        self._row_ns += (nanoseconds / max(rows, _FEW_ROWS) - self._row_ns) / 8

    def is_quick(self) -> bool:
        """Whether a batch is known to keep who computes it for milliseconds only, and cannot hang."""
        return self._is_finite and self.circuit.state == CLOSED and self._row_ns * _MANY_ROWS < QUICK_NS

    def _try(self) -> None:
        """Learn how long a call takes, where it is sure to end; the first one takes longer than those that follow."""
        missing = array("d", [math.nan]) * (self.encoder.columns * _FEW_ROWS)
        for _ in range(2):
            started = time.perf_counter_ns()
            self.predictor.predict(missing, _FEW_ROWS)
            self._row_ns = (time.perf_counter_ns() - started) / _FEW_ROWS

    def broken_checks(self, records: Sequence[msgspec.Struct]) -> Iterator[tuple[int, str]]:
        """The positions of records that do not pass the protocol's checks over features, each with the reason.

        One of them is ours: an event time that the ledger can keep.
        """
        if not self._has_checks and self.encoder.are_told(records):
            return iter(())
        return self._broken(records)

    def _broken(self, records: Sequence[msgspec.Struct]) -> Iterator[tuple[int, str]]:
        for position, record in enumerate(records):
            if not self.encoder.are_told((record,)):
                yield position, "The event time is not within the years 1 to 9999 in UTC."
            elif reason := self._refusal(astuple(record)):
                yield position, reason

    def values(self, records: Sequence[msgspec.Struct]) -> list[float]:
        """The model's (calibrated) numbers for records, ``outputs`` for each, one record after the other."""
        found = self.predictor.predict(self.encoder.matrix(records), len(records))
        return found if self._calibration is None else calibrated(self._calibration, found)

    def outputs(self, records: Sequence[msgspec.Struct]) -> list[bytes]:
        """The output of each record as a JSON object."""
        return self._render(self.values(records))
