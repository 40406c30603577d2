-- Locks a user's account until the transaction ends, and returns whether it exists. Locks are taken in one order
-- everywhere: the user's row, then subscriptions, then the rest. Transactions that take the same rows in different
-- orders could end as a deadlock.
create function private.lock_account(user_id uuid)
returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform
  from public.users as u
  where u.id = lock_account.user_id
  for no key update;
  return found;
end;
$$;

-- A statement of a client that may write several rows locks its own user first, so two requests of one user run one
-- after the other, and neither holds rows that the other one waits for.
create function private.lock_own_account()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform private.lock_account((select auth.uid()));
  return null;
end;
$$;

revoke all on function private.lock_account, private.lock_own_account from public, anon, authenticated, service_role;
