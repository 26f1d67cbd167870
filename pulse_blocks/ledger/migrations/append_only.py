"""Tables whose rows the database itself refuses to change, in either dialect."""

from __future__ import annotations

from alembic import op

_REFUSE = """
create or replace function pulse_append_only() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'integrity_constraint_violation';
end $$
"""


def protect(table: str) -> None:
    """Let every update and delete of ``table`` fail (PostgreSQL: truncate as well)."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_REFUSE)
        op.execute(
            f"create trigger {table}_append_only before update or delete or truncate on {table}"
            " for each statement execute function pulse_append_only()"
        )
        return
    for change in ("update", "delete"):
        op.execute(
            f"create trigger {table}_no_{change} before {change} on {table}"
            f" begin select raise(abort, '{table} is append-only'); end"
        )
