"""Windows in event time: an index over the rows, and from when to when the rows of a file are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_index("inferences_model_time", "inferences", ["model", sa.text("coalesce(event_time, at)")])
    # Of files from before nobody knows it: a window looks into them.
    for name in ("first_time", "last_time"):
        op.add_column("inference_files", sa.Column(name, sa.BigInteger))
    op.create_index("inference_files_last_time", "inference_files", ["last_time"])
