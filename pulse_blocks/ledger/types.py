"""Column types that mean the same in SQLite and PostgreSQL. Needs SQLAlchemy: never imported by the runtime."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, Text

# Ids are compared byte by byte, as SQLite does it; a database's own language would sort them otherwise.
TEXT = Text().with_variant(Text(collation="C"), "postgresql")
# SQLite numbers rows by itself only for a column of exactly the type INTEGER.
SEQUENCE = BigInteger().with_variant(Integer(), "sqlite")
