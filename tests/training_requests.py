"""What a training process is asked, changed for a test."""

from __future__ import annotations

import msgspec

from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.training.process import Request


def with_training(request: Request, **changes: object) -> Request:
    """The same request under a protocol that says something else."""
    spec = msgspec.convert(
        {**msgspec.to_builtins(request.protocol.training), **changes}, type(request.protocol.training)
    )
    protocol: Protocol = msgspec.structs.replace(request.protocol, training=spec)
    return msgspec.structs.replace(request, protocol=protocol)
