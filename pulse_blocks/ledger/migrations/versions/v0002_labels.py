"""What turned out to be true: labels."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from pulse_blocks.ledger.migrations.append_only import protect
from pulse_blocks.ledger.types import SEQUENCE, TEXT

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "labels",
        sa.Column("seq", SEQUENCE, primary_key=True),
        sa.Column("inference", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.Column("event_time", sa.BigInteger),
        sa.Column("at", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("labels_inference_seq", "labels", ["inference", "seq"])
    protect("labels")
