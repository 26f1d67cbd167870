"""Alembic's environment: runs on the connection that ``migrating.upgrade`` hands in."""

from __future__ import annotations

from alembic import context

from pulse_blocks.ledger.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
