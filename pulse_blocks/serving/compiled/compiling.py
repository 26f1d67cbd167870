"""Models are compiled beside the traffic: LightGBM answers until the compiled one has shown the same bits."""

from __future__ import annotations

import logging
import threading
from queue import SimpleQueue

from pulse_blocks.errors import PulseError
from pulse_blocks.serving.compiled.objects import Objects
from pulse_blocks.serving.compiled.predictor import CompiledPredictor, require_parity
from pulse_blocks.serving.model import Model

log = logging.getLogger("pulse.serving")


class Compiling:
    """A thread that compiles one model after the other. A model that cannot be compiled stays as it is."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._waiting: SimpleQueue[Model | None] = SimpleQueue()
        threading.Thread(target=self._run, name="pulse-compiling", daemon=True).start()

    def adopt(self, model: Model) -> None:
        """Use code that is there already, now; otherwise compile it in a while."""
        code = self._objects.find(model.text)
        if code is None:
            self._waiting.put(model)
        else:
            self._use(model, code)

    def _run(self) -> None:
        while model := self._waiting.get():
            try:
                code = self._objects.ensure(model.text)
            except PulseError as error:
                log.warning("%s is not compiled: %s", model.id, error)
            else:
                self._use(model, code)

    def _use(self, model: Model, code: bytes) -> None:
        columns = model.encoder.columns
        try:
            compiled = CompiledPredictor(code, model.text, columns, model.predictor.outputs)
            require_parity(compiled, model.predictor, model.text, columns)
        except PulseError as error:
            log.error("%s is served by LightGBM: %s", model.id, error)  # noqa: TRY400 - a decision, no fault
            return
        model.use(compiled)
        log.info("%s is compiled.", model.id)
