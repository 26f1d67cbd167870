"""Trees as machine code (the extra ``compiled``): the same bits several times as fast, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from pulse_blocks.serving.compiled.compiling import Compiling


def compiling(folder: Path | None, key: bytes) -> Compiling | None:
    """What compiles models into ``folder``; nothing is imported for it where there is no folder.

    Raises PulseError ``serving.no_compiler`` where the extra is not installed.
    """
    if folder is None:
        return None
    from pulse_blocks.serving.compiled.compiling import Compiling
    from pulse_blocks.serving.compiled.objects import Objects

    return Compiling(Objects(folder, key))
