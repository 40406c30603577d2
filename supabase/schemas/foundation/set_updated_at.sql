-- A trigger, not a client, says when a row last changed. Each table names it in a
-- `when (old.* is distinct from new.*)`, so that an update that changes nothing
-- does not look like a change.
create function private.set_updated_at()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end;
$$;

comment on function private.set_updated_at() is
  'Trigger function: moves updated_at to the time of the transaction.';

revoke all on function private.set_updated_at from public, anon, authenticated, service_role;
