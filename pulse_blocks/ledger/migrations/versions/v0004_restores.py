"""Which older snapshot is training data again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from pulse_blocks.ledger.migrations.append_only import protect
from pulse_blocks.ledger.types import SEQUENCE, TEXT

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "restores",
        sa.Column("seq", SEQUENCE, primary_key=True),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("snapshot", TEXT),
        sa.Column("who", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("restores_name_seq", "restores", ["name", "seq"])
    protect("restores")
