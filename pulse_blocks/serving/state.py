"""What the runtime is doing at this moment, for its metrics. Imports no web framework."""

from __future__ import annotations

from pulse_blocks.serving.champions import Slot
from pulse_blocks.serving.metrics import Now


def now(slots: dict[str, Slot]) -> Now:
    """Of all served names."""
    circuits = {("model", slot.model.id): slot.model.circuit for slot in slots.values()}
    fallbacks = {name: slot.batcher.fallback for name, slot in slots.items()}
    circuits |= {("model", model.id): model.circuit for model in fallbacks.values() if model}
    circuits |= {("ledger", name): slot.batcher.engine.circuit for name, slot in slots.items()}
    spools = [slot.batcher.engine.spool for slot in slots.values()][:1]
    return Now(
        waiting={name: slot.batcher.waiting for name, slot in slots.items()},
        serving={name: slot.model.id for name, slot in slots.items()},
        fallbacks={name: model.id for name, model in fallbacks.items() if model},
        circuits={key: (circuit.state, circuit.openings) for key, circuit in circuits.items()},
        spooled=next(((spool.rows, spool.kept, spool.damaged) for spool in spools if spool), (0, 0, 0)),
        probations={name: slot.probation for name, slot in slots.items() if slot.probation},
        drifts={name: slot.drift for name, slot in slots.items() if slot.drift},
        retry_after=max((slot.batcher.engine.drain.delay() for slot in slots.values()), default=0.0),
    )
