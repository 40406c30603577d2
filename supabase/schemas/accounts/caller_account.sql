-- Returns the id of the signed-in user and locks their account until the transaction ends. In the order of locks the
-- account comes before everything else that the caller writes. Creates the account where the trigger at sign-up
-- failed to. Raises what caller_id() raises, and email_required for a session without an email, such as an anonymous
-- one.
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
  if not private.lock_account(v_user_id) then
    perform private.ensure_account(v_user_id);
    if not private.lock_account(v_user_id) then
      perform private.raise_error('email_required', 'Add an email to your account first.');
    end if;
  end if;
  return v_user_id;
end;
$$;

revoke all on function private.caller_account from public, anon, authenticated, service_role;
