"""The ledger's schema in SQLAlchemy Core: what the migrations must add up to. The runtime never imports it."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

metadata = MetaData()
# SQLite numbers rows by itself only for a column of exactly the type INTEGER.
SEQUENCE = BigInteger().with_variant(Integer(), "sqlite")

inferences = Table(
    "inferences",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("event_time", BigInteger),
    Column("source_key", Text),
    Column("model", Text, nullable=False),
    Column("input", Text, nullable=False),
    Column("output", Text, nullable=False),
    Column("input_sha256", LargeBinary, nullable=False),
    Column("output_sha256", LargeBinary, nullable=False),
    Column("latency_us", Integer, nullable=False),
    Column("flags", Integer, nullable=False),
    Index("inferences_model_at", "model", "at"),
)

labels = Table(
    "labels",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    Column("inference", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("event_time", BigInteger),
    Column("at", BigInteger, nullable=False),
    Index("labels_inference_seq", "inference", "seq"),
    sqlite_autoincrement=True,
)

promotions = Table(
    "promotions",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("bundle", Text, nullable=False),
    Column("bundle_sha256", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("previous", Text),
    Column("run", Text, nullable=False),
    Column("attempt", Text, unique=True),
    Column("reason", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("promotions_name_seq", "name", "seq"),
    sqlite_autoincrement=True,
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("owner_host", Text, nullable=False),
    Column("owner_pid", BigInteger, nullable=False),
    Column("owner_started", Text, nullable=False),
    Column("heartbeat", BigInteger, nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("ended", BigInteger),
    Column("state", Text, nullable=False),
    Column("message", Text, nullable=False),
    Index("attempts_name_key", "name", "key", "started"),
)

stages = Table(
    "stages",
    metadata,
    Column("attempt", Text, ForeignKey("attempts.id"), primary_key=True),
    Column("stage", Text, primary_key=True),
    Column("record_id", Text, nullable=False),
    Column("record", Text, nullable=False),
    Column("finished", BigInteger, nullable=False),
    Column("seconds", Float, nullable=False),
    Index("stages_record_id", "record_id"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Text, primary_key=True),
    Column("event", Text, nullable=False),
    Column("resource", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("sent", BigInteger),
    Index("outbox_sent_at", "sent", "at"),
)
