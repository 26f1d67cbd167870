"""Who may do what, and who did it: API keys, the audit log, and how a promotion came about."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from pulse_blocks.ledger.migrations.append_only import protect
from pulse_blocks.ledger.types import TEXT

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("promotions", sa.Column("action", TEXT, nullable=False, server_default="promote"))
    op.add_column("promotions", sa.Column("signature", TEXT, nullable=False, server_default=""))
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        *(
            sa.Column(name, TEXT, nullable=False)
            for name in ("who", "action", "subject", "details", "previous", "hash")
        ),
    )
    protect("audit")
    op.create_table(
        "keys",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("scopes", TEXT, nullable=False),
        sa.Column("sha256", sa.LargeBinary, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("who", TEXT, nullable=False),
        sa.Column("revoked", sa.BigInteger),
    )
