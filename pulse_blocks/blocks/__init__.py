"""Prefect's side of Pulse: blocks, and the glue between flows and stages. Registered as a collection."""

from pulse_blocks.blocks.datasources import PulseFilesDatasource, PulseSqlDatasource
from pulse_blocks.blocks.workspace import PulseWorkspace

__all__ = ["PulseFilesDatasource", "PulseSqlDatasource", "PulseWorkspace"]
