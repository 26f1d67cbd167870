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


# A file that is being moved to vouches for its rows: the range of its ids, and the model's name in its counts.
_VOUCHED = """
select 1 from moving join inference_files as f on f.key = moving.key
where f.scoring is null and {old}.id >= f.first_id and {old}.id <= f.last_id
"""
_POSTGRES = f"""
create or replace function pulse_only_archived() returns trigger language plpgsql as $$
begin
  if tg_when = 'BEFORE' then
    if not exists (select 1 from moving) then
      raise exception 'inferences is append-only' using errcode = 'integrity_constraint_violation';
    end if;
  elsif exists (
    select 1 from gone
    where not exists ({_VOUCHED.format(old="gone")} and strpos(f.models, '"' || gone.model || '"') > 0)
  ) then
    raise exception 'inferences is append-only' using errcode = 'integrity_constraint_violation';
  end if;
  return null;
end $$
"""  # noqa: S608 - words of ours
_SQLITE = f"""
create trigger inferences_no_delete before delete on inferences
when not exists ({_VOUCHED.format(old="old")} and instr(f.models, '"' || old.model || '"') > 0)
begin select raise(abort, 'inferences is append-only'); end
"""


def protect_but_for_archives() -> None:
    """Let deletes of inferences through that a file of the index vouches for, while it is named in ``moving``."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("drop trigger inferences_append_only on inferences")
        op.execute(
            "create trigger inferences_append_only before update or truncate on inferences"
            " for each statement execute function pulse_append_only()"
        )
        op.execute(_POSTGRES)
        op.execute(
            "create trigger inferences_only_moved before delete on inferences"
            " for each statement execute function pulse_only_archived()"
        )
        op.execute(
            "create trigger inferences_only_archived after delete on inferences referencing old table as gone"
            " for each statement execute function pulse_only_archived()"
        )
        return
    op.execute("drop trigger inferences_no_delete")
    op.execute(_SQLITE)
