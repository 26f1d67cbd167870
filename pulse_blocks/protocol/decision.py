"""From which probability on the answer is yes."""

from __future__ import annotations

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.spec import Protocol


def decision_threshold(protocol: Protocol, chosen: float | None) -> float:
    """What the protocol says, or what training has ``chosen`` where it says ``auto``.

    Raises PulseError where nothing was chosen: such a model cannot decide.
    """
    said = protocol.output.decision.threshold
    if said != "auto":
        return said
    if chosen is None:
        raise PulseError(
            "model.threshold",
            f"{protocol.name} leaves its threshold to training, but none was chosen for this model.",
            "Run the protocol again.",
        )
    return chosen
