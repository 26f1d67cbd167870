"""How and where a fit is executed. Nothing of it decides the trees: what does is in the protocol."""

from __future__ import annotations

from pulse_blocks.records import Record, Searched


class Execution(Record, frozen=True, kw_only=True):
    """What a caller of ``fit`` may say about its surroundings.

    ``dask`` is the address of a Dask scheduler or the dotted name of a cluster class, where distributed training
    does not start a cluster of its own. ``searched`` is a search that has been made: then there is none. Without
    ``checkpoints`` the store is only read: nothing is gone on with, and nothing is set down.
    """

    dask: str | None = None
    searched: Searched | None = None
    checkpoints: bool = True


HERE = Execution()
