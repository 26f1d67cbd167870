"""Compile a model's text into an object file: ``python -m pulse_blocks.serving.compiled.build TEXT OBJECT``.

A process of its own, because it takes seconds of Python and much memory. lleaves adds the trees up in LightGBM's
order only where they are one block, and inlining them into one function would take minutes.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main(text: Path, target: Path) -> None:
    """Write the object file last and whole."""
    import lleaves

    model = lleaves.Model(model_file=str(text))
    beside = target.with_suffix(".tmp")
    beside.unlink(missing_ok=True)
    model.compile(cache=str(beside), raw_score=True, finline=False, fblocksize=max(1, model.num_trees()))
    beside.replace(target)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
