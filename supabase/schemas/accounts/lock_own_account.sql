-- Locks are taken in one order everywhere: the user's row, then subscriptions, then the rest. A statement of a
-- client that may write several rows locks its own user first, so two requests of one user run one after the other,
-- and neither holds rows that the other one waits for. Without it, two bulk changes that reach the same rows in
-- different orders end as a deadlock.
create function private.lock_own_account()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform
  from public.users as u
  where u.id = (select auth.uid())
  for no key update;
  return null;
end;
$$;

revoke all on function private.lock_own_account from public, anon, authenticated, service_role;
