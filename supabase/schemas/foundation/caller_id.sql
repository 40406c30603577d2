-- Returns the id of the signed-in user. `of_own_session` refuses every OAuth client, `with_second_factor` a session
-- that was opened without the user's second factor. Raises not_authenticated, client_not_trusted or mfa_required.
create function private.caller_id(of_own_session boolean default false, with_second_factor boolean default false)
returns uuid
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := auth.uid();
begin
  if v_user_id is null then
    perform private.raise_error('not_authenticated', 'Sign in first.');
  elsif nullif(auth.jwt() ->> 'client_id', '') is not null
    and (caller_id.of_own_session or not private.session_is_trusted())
  then
    perform private.raise_error(
      'client_not_trusted', 'This session belongs to an OAuth client that may not do this: sign in to the app itself.'
    );
  elsif caller_id.with_second_factor and not private.session_is_strong() then
    perform private.raise_error(
      'mfa_required', 'Confirm your second factor first: this session was opened without it.'
    );
  end if;
  return v_user_id;
end;
$$;

revoke all on function private.caller_id from public, anon, authenticated, service_role;
