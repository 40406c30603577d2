-- Whether the session is the user's own and was opened with their second factor, if they have one. A user who has a
-- second factor can still open a session by the password alone (`aal1`); such a session must not reach the keys, the
-- export and the deletion of the account.
create function private.session_is_strong()
returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return nullif(auth.jwt() ->> 'client_id', '') is null
    and (auth.jwt() ->> 'aal' = 'aal2' or not private.has_second_factor(auth.uid()));
end;
$$;

revoke all on function private.session_is_strong from public, anon, authenticated, service_role;
-- A policy calls it as the role that reads, so that role needs the privilege.
grant execute on function private.session_is_strong to authenticated;
