"""Drift checks, what may start a run and did, regressions, files of inferences, and holds on them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from pulse_blocks.ledger.migrations.append_only import protect
from pulse_blocks.ledger.types import SEQUENCE, TEXT

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    _judged()
    _caused()
    _files()


def _judged() -> None:
    op.create_table(
        "drift_checks",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("model", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("window_start", sa.BigInteger),
        sa.Column("window_end", sa.BigInteger),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("verdict", TEXT, nullable=False),
        sa.Column("result", TEXT, nullable=False),
        sa.Column("report", TEXT),
    )
    op.create_index("drift_checks_name_at", "drift_checks", ["name", "at"])
    op.create_table(
        "regressions",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("model", TEXT, nullable=False),
        sa.Column("previous", TEXT),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("details", TEXT, nullable=False),
    )
    op.create_index("regressions_name_at", "regressions", ["name", "at"])
    for table in ("drift_checks", "regressions"):
        protect(table)


def _caused() -> None:
    op.create_table(
        "causes",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("used_by", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_index("causes_name_at", "causes", ["name", "at"])
    op.create_table(
        "automation_failures",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("automation", TEXT, nullable=False),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    for table in ("causes", "automation_failures"):
        protect(table)


def _files() -> None:
    op.create_table(
        "scorings",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("model", TEXT, nullable=False),
        sa.Column("datasource", TEXT, nullable=False),
        sa.Column("started", sa.BigInteger, nullable=False),
        sa.Column("ended", sa.BigInteger, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("details", TEXT, nullable=False),
    )
    op.create_index("scorings_name_started", "scorings", ["name", "started"])
    op.create_table(
        "inference_files",
        sa.Column("key", TEXT, primary_key=True),
        sa.Column("sha256", TEXT, nullable=False),
        sa.Column("scoring", TEXT),
        sa.Column("first_id", TEXT, nullable=False),
        sa.Column("last_id", TEXT, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("models", TEXT, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_index("inference_files_ids", "inference_files", ["first_id", "last_id"])
    op.create_table(
        "holds",
        sa.Column("seq", SEQUENCE, primary_key=True),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("held", sa.Integer, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("who", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("holds_name_seq", "holds", ["name", "seq"])
    for table in ("scorings", "holds"):
        protect(table)
