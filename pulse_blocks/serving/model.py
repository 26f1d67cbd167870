"""One loaded model: what it accepts, what it computes, what it answers."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pulse_blocks import bundle as bundles
from pulse_blocks.bundle import LoadedBundle
from pulse_blocks.ledger.rows import Promotion
from pulse_blocks.protocol.requests import request_type
from pulse_blocks.protocol.spec import seconds
from pulse_blocks.serving.cache import Cache
from pulse_blocks.serving.encoding import Encoder
from pulse_blocks.serving.outputs import renderer
from pulse_blocks.serving.predictor import Predictor
from pulse_blocks.stores.base import Store


class Model:
    """A model ready to answer, with its cache. It never changes; a promotion makes a new one."""

    def __init__(self, loaded: LoadedBundle) -> None:
        """Raises PulseError where the model's text cannot be used with the bundle's protocol."""
        self.id = loaded.bundle.model
        self.name = loaded.bundle.name
        self.protocol = loaded.protocol
        self.bundle = loaded.bundle
        self.max_rows = loaded.protocol.serving.batch.max_rows
        self.queue = loaded.protocol.serving.queue
        cache = loaded.protocol.serving.cache
        self.cache = Cache(cache.entries, seconds(cache.ttl))
        self.record = request_type(loaded.protocol)
        self.decode = msgspec.json.Decoder(self.record).decode
        self.encoder = Encoder(loaded.protocol)
        self._predictor = Predictor(loaded.model_text, self.encoder.columns)
        self._render = renderer(loaded.protocol, self._predictor.outputs)

    @classmethod
    def load(cls, store: Store, promotion: Promotion) -> Model:
        """The model that a promotion names. Raises PulseError, and then nothing has changed."""
        return cls(bundles.load(store, promotion.bundle, promotion.bundle_sha256))

    def values(self, records: Sequence[msgspec.Struct]) -> list[float]:
        """The model's numbers for records, ``outputs`` for each, one record after the other."""
        return self._predictor.predict(self.encoder.matrix(records), len(records))

    def outputs(self, records: Sequence[msgspec.Struct]) -> list[bytes]:
        """The output of each record as a JSON object."""
        return self._render(self.values(records))
