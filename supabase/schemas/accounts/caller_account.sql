-- Returns the account of the signed-in user and locks it until the transaction ends: in the order of locks it
-- comes before everything that the caller writes. Signing in without an email gives a session and no account.
create function private.caller_account(of_own_session boolean default false, with_second_factor boolean default false)
returns uuid
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := private.caller_id(caller_account.of_own_session, caller_account.with_second_factor);
begin
  perform from public.users as u where u.id = v_user_id for no key update;
  if not found then
    perform private.ensure_account(v_user_id);
    perform from public.users as u where u.id = v_user_id for no key update;
    if not found then
      perform private.raise_error('email_required', 'Add an email to your account first.');
    end if;
  end if;
  return v_user_id;
end;
$$;

comment on function private.caller_account(boolean, boolean) is
  'Locks the signed-in user''s account and gives its id; raises what caller_id() raises, or email_required.';

revoke all on function private.caller_account from public, anon, authenticated, service_role;
