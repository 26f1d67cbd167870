"""Alembic scripts, run by ``pulse_blocks.ledger.migrating``."""
