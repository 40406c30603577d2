-- Sets updated_at to the time of the transaction, so that no client can choose it. Each table's trigger has the
-- condition `old.* is distinct from new.*`, or a narrower one, so an update that changes nothing does not look like
-- a change.
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

revoke all on function private.set_updated_at from public, anon, authenticated, service_role;
