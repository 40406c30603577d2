-- Whether the user has an account, which is created if the trigger at sign-up failed to. The account is locked
-- against deletion until the transaction ends, and before any of its keys, which is the order in which deleting a
-- user locks them.
create function private.hold_account(user_id uuid)
returns boolean
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform from public.users as u where u.id = hold_account.user_id for key share;
  if found then
    return true;
  end if;

  perform private.ensure_account(hold_account.user_id);
  perform from public.users as u where u.id = hold_account.user_id for key share;
  return found;
end;
$$;

revoke all on function private.hold_account from public, anon, authenticated, service_role;
