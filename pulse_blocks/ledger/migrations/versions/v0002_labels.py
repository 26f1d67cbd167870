"""What turned out to be true: labels."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "labels",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("inference", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("event_time", sa.BigInteger),
        sa.Column("at", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("labels_inference_seq", "labels", ["inference", "seq"])
    for change in ("update", "delete"):
        op.execute(
            f"create trigger labels_no_{change} before {change} on labels"
            " begin select raise(abort, 'labels is append-only'); end"
        )
