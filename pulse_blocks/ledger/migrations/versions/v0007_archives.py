"""How inferences leave the ledger for a file, and files the store; and counts that need not be counted again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from pulse_blocks.ledger.migrations.append_only import protect, protect_but_for_archives
from pulse_blocks.ledger.types import TEXT

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table("moving", sa.Column("key", TEXT, primary_key=True))
    op.create_table(
        "deleted_files",
        sa.Column("key", TEXT, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("who", TEXT, nullable=False),
    )
    op.create_table(
        "sealed_counts",
        sa.Column("model", TEXT, primary_key=True),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
    )
    protect("inference_files")
    protect("deleted_files")
    protect_but_for_archives()
