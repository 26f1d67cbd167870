"""Reports on drift checks are facts of their own: a check is written before its page is drawn."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from pulse_blocks.ledger.migrations.append_only import protect
from pulse_blocks.ledger.types import TEXT

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "drift_reports",
        sa.Column("check_id", TEXT, primary_key=True),
        sa.Column("address", TEXT, nullable=False),
        sa.Column("kept", sa.BigInteger, nullable=False),
    )
    op.execute(
        "insert into drift_reports (check_id, address, kept)"
        " select id, report, at from drift_checks where report is not null"
    )
    op.execute("alter table drift_checks drop column report")
    protect("drift_reports")
