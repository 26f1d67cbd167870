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
    text,
)

from pulse_blocks.ledger.types import SEQUENCE, TEXT

metadata = MetaData()

inferences = Table(
    "inferences",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("event_time", BigInteger),
    Column("source_key", TEXT),
    Column("model", TEXT, nullable=False),
    Column("input", TEXT, nullable=False),
    Column("output", TEXT, nullable=False),
    Column("input_sha256", LargeBinary, nullable=False),
    Column("output_sha256", LargeBinary, nullable=False),
    Column("latency_us", Integer, nullable=False),
    Column("flags", Integer, nullable=False),
    Index("inferences_model_at", "model", "at"),
    Index("inferences_model_time", "model", text("coalesce(event_time, at)")),
)

labels = Table(
    "labels",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    Column("inference", TEXT, nullable=False),
    Column("value", TEXT, nullable=False),
    Column("event_time", BigInteger),
    Column("at", BigInteger, nullable=False),
    Index("labels_inference_seq", "inference", "seq"),
    sqlite_autoincrement=True,
)

promotions = Table(
    "promotions",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    Column("name", TEXT, nullable=False),
    Column("model", TEXT, nullable=False),
    Column("bundle", TEXT, nullable=False),
    Column("bundle_sha256", TEXT, nullable=False),
    Column("version", TEXT, nullable=False),
    Column("previous", TEXT),
    Column("run", TEXT, nullable=False),
    Column("attempt", TEXT, unique=True),
    Column("reason", TEXT, nullable=False),
    Column("who", TEXT, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("action", TEXT, nullable=False, server_default="promote"),
    Column("signature", TEXT, nullable=False, server_default=""),
    Index("promotions_name_seq", "name", "seq"),
    sqlite_autoincrement=True,
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("name", TEXT, nullable=False),
    Column("key", TEXT, nullable=False),
    Column("owner_host", TEXT, nullable=False),
    Column("owner_pid", BigInteger, nullable=False),
    Column("owner_started", TEXT, nullable=False),
    Column("heartbeat", BigInteger, nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("ended", BigInteger),
    Column("state", TEXT, nullable=False),
    Column("message", TEXT, nullable=False),
    Index("attempts_name_key", "name", "key", "started"),
)

stages = Table(
    "stages",
    metadata,
    Column("attempt", TEXT, ForeignKey("attempts.id"), primary_key=True),
    Column("stage", TEXT, primary_key=True),
    Column("record_id", TEXT, nullable=False),
    Column("record", TEXT, nullable=False),
    Column("finished", BigInteger, nullable=False),
    Column("seconds", Float, nullable=False),
    Index("stages_record_id", "record_id"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("event", TEXT, nullable=False),
    Column("resource", TEXT, nullable=False),
    Column("payload", TEXT, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("sent", BigInteger),
    Index("outbox_sent_at", "sent", "at"),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("who", TEXT, nullable=False),
    Column("action", TEXT, nullable=False),
    Column("subject", TEXT, nullable=False),
    Column("details", TEXT, nullable=False),
    Column("previous", TEXT, nullable=False),
    Column("hash", TEXT, nullable=False),
)

keys = Table(
    "keys",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("name", TEXT, nullable=False),
    Column("scopes", TEXT, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("who", TEXT, nullable=False),
    Column("revoked", BigInteger),
)

restores = Table(
    "restores",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    Column("name", TEXT, nullable=False),
    Column("snapshot", TEXT),
    Column("who", TEXT, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("restores_name_seq", "name", "seq"),
    sqlite_autoincrement=True,
)

drift_checks = Table(
    "drift_checks",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("name", TEXT, nullable=False),
    Column("model", TEXT, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("window_start", BigInteger),
    Column("window_end", BigInteger),
    Column("rows", BigInteger, nullable=False),
    Column("verdict", TEXT, nullable=False),
    Column("result", TEXT, nullable=False),
    Index("drift_checks_name_at", "name", "at"),
)

drift_reports = Table(
    "drift_reports",
    metadata,
    Column("check_id", TEXT, primary_key=True),
    Column("address", TEXT, nullable=False),
    Column("kept", BigInteger, nullable=False),
)

regressions = Table(
    "regressions",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("name", TEXT, nullable=False),
    Column("model", TEXT, nullable=False),
    Column("previous", TEXT),
    Column("at", BigInteger, nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("details", TEXT, nullable=False),
    Index("regressions_name_at", "name", "at"),
)

causes = Table(
    "causes",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("kind", TEXT, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("used_by", TEXT, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("causes_name_at", "name", "at"),
)

automation_failures = Table(
    "automation_failures",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("automation", TEXT, nullable=False),
    Column("action", TEXT, nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("at", BigInteger, nullable=False),
)

scorings = Table(
    "scorings",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("name", TEXT, nullable=False),
    Column("model", TEXT, nullable=False),
    Column("datasource", TEXT, nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("ended", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("details", TEXT, nullable=False),
    Index("scorings_name_started", "name", "started"),
)

inference_files = Table(
    "inference_files",
    metadata,
    Column("key", TEXT, primary_key=True),
    Column("sha256", TEXT, nullable=False),
    Column("scoring", TEXT),
    Column("first_id", TEXT, nullable=False),
    Column("last_id", TEXT, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("models", TEXT, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("first_time", BigInteger),
    Column("last_time", BigInteger),
    Index("inference_files_ids", "first_id", "last_id"),
    Index("inference_files_last_time", "last_time"),
)

holds = Table(
    "holds",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    Column("name", TEXT, nullable=False),
    Column("held", Integer, nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("who", TEXT, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("holds_name_seq", "name", "seq"),
    sqlite_autoincrement=True,
)

moving = Table("moving", metadata, Column("key", TEXT, primary_key=True))

deleted_files = Table(
    "deleted_files",
    metadata,
    Column("key", TEXT, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("who", TEXT, nullable=False),
)

sealed_counts = Table(
    "sealed_counts",
    metadata,
    Column("model", TEXT, primary_key=True),
    Column("until", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
)

stage_keys = Table(
    "stage_keys",
    metadata,
    Column("attempt", TEXT, primary_key=True),
    Column("stage", TEXT, primary_key=True),
    Column("key", TEXT, nullable=False),
    Index("stage_keys_key", "key"),
)

steps = Table(
    "steps",
    metadata,
    Column("flow_run", TEXT, primary_key=True),
    Column("attempt", TEXT, nullable=False),
    Column("pipeline", TEXT, nullable=False),
    Column("memory", TEXT, nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("heartbeat", BigInteger),
    Index("steps_attempt", "attempt", "started"),
)
