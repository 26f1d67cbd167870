"""Validation: the protocol's rules against a snapshot, by Pandera on polars.

``validate`` gives a verdict and leaves a report and, where rows break rules, a quarantine beside the snapshot.
Importing this package loads neither polars nor pandera.
"""

from __future__ import annotations

from pulse_blocks.validation.quarantine import quarantined_rows
from pulse_blocks.validation.report import Report, load_report
from pulse_blocks.validation.verdict import validate

__all__ = ["Report", "load_report", "quarantined_rows", "validate"]
