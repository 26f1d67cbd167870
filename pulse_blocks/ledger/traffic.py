"""What a model has answered of late: enough rows to tell rate and latency, however full the ledger is."""

from __future__ import annotations

from pulse_blocks.ledger.table import Table

_NEWEST = "select at, latency_us from inferences where model = ? and at >= ? order by at desc limit ?"


class Traffic(Table):
    """The newest replies of a model."""

    def newest_latencies(self, model: str, since: int, limit: int) -> list[tuple[int, int]]:
        """Time and latency (microseconds) of the newest ``limit`` inferences from ``since`` on, newest first."""
        return [(int(at), int(us)) for at, us in self._database.read(_NEWEST, (model, since, limit))]
