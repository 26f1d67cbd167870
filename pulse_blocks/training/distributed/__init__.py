"""Training by several processes on Dask, each on rows of its own that it reads from the store itself.

What LightGBM's own Dask module does, with two differences that make two runs grow the same trees: which rows a
worker has and which rank it is are decided here, not by where Dask happened to load them; and rows come from the
store in a bounded sequence of chunks, not through a Dask collection. See docs/adr/0012-fixed-ranks-on-dask.md.
"""

from __future__ import annotations

from pulse_blocks.training.distributed.boosting import boost_on_workers

__all__ = ["boost_on_workers"]
