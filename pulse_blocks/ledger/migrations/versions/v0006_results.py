"""What decides a stage's result, so that it is found again; and the steps of a run that others do for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from pulse_blocks.ledger.migrations.append_only import protect
from pulse_blocks.ledger.types import TEXT

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "stage_keys",
        sa.Column("attempt", TEXT, primary_key=True),
        sa.Column("stage", TEXT, primary_key=True),
        sa.Column("key", TEXT, nullable=False),
    )
    op.create_index("stage_keys_key", "stage_keys", ["key"])
    protect("stage_keys")
    op.create_table(
        "steps",
        sa.Column("flow_run", TEXT, primary_key=True),
        sa.Column("attempt", TEXT, nullable=False),
        sa.Column("pipeline", TEXT, nullable=False),
        sa.Column("memory", TEXT, nullable=False),
        sa.Column("started", sa.BigInteger, nullable=False),
        sa.Column("heartbeat", sa.BigInteger),
    )
    op.create_index("steps_attempt", "steps", ["attempt", "started"])
