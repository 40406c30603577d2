-- Locks are taken in one order everywhere: the user's row, then subscriptions, then the rest. A statement of a
-- client that may write several rows takes the lock of its own user first, so two requests of one user come one
-- after the other, and never hold rows that the other one waits for. Without it, two bulk changes that reach the
-- same rows in different orders end as a deadlock.
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

comment on function private.lock_own_account() is
  'Statement trigger function: locks the caller''s account before any row of the statement is locked.';

revoke all on function private.lock_own_account from public, anon, authenticated, service_role;
