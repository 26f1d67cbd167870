"""The first schema: inferences, promotions, attempts, stages and outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from pulse_blocks.ledger.migrations.append_only import protect
from pulse_blocks.ledger.types import SEQUENCE, TEXT

revision = "0001"
down_revision = None


def upgrade() -> None:
    _inferences()
    _promotions()
    _attempts()
    _stages()
    _outbox()
    protect("inferences")
    protect("promotions")


def _text(name: str, *, nullable: bool = False, unique: bool | None = None) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=nullable, unique=unique)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def _inferences() -> None:
    op.create_table(
        "inferences",
        sa.Column("id", TEXT, primary_key=True),
        _number("at"),
        _number("event_time", nullable=True),
        _text("source_key", nullable=True),
        _text("model"),
        _text("input"),
        _text("output"),
        sa.Column("input_sha256", sa.LargeBinary, nullable=False),
        sa.Column("output_sha256", sa.LargeBinary, nullable=False),
        sa.Column("latency_us", sa.Integer, nullable=False),
        sa.Column("flags", sa.Integer, nullable=False),
    )
    op.create_index("inferences_model_at", "inferences", ["model", "at"])


def _promotions() -> None:
    op.create_table(
        "promotions",
        sa.Column("seq", SEQUENCE, primary_key=True),
        _text("name"),
        _text("model"),
        _text("bundle"),
        _text("bundle_sha256"),
        _text("version"),
        _text("previous", nullable=True),
        _text("run"),
        _text("attempt", nullable=True, unique=True),
        _text("reason"),
        _text("who"),
        _number("at"),
        sqlite_autoincrement=True,
    )
    op.create_index("promotions_name_seq", "promotions", ["name", "seq"])


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", TEXT, primary_key=True),
        _text("name"),
        _text("key"),
        _text("owner_host"),
        _number("owner_pid"),
        _text("owner_started"),
        _number("heartbeat"),
        _number("started"),
        _number("ended", nullable=True),
        _text("state"),
        _text("message"),
    )
    op.create_index("attempts_name_key", "attempts", ["name", "key", "started"])


def _stages() -> None:
    op.create_table(
        "stages",
        sa.Column("attempt", TEXT, sa.ForeignKey("attempts.id"), primary_key=True),
        sa.Column("stage", TEXT, primary_key=True),
        _text("record_id"),
        _text("record"),
        _number("finished"),
        sa.Column("seconds", sa.Float, nullable=False),
    )
    op.create_index("stages_record_id", "stages", ["record_id"])


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", TEXT, primary_key=True),
        _text("event"),
        _text("resource"),
        _text("payload"),
        _number("at"),
        _number("sent", nullable=True),
    )
    op.create_index("outbox_sent_at", "outbox", ["sent", "at"])
