-- Whether the session may act as its user: their own session, or one of a trusted OAuth client. Policies call it
-- once per statement, in a sub-select. It reads the table only for a token with the claim `client_id`, so an
-- ordinary request pays for reading its claims alone.
create function private.session_is_trusted()
returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_client_id text := nullif(auth.jwt() ->> 'client_id', '');
begin
  if v_client_id is null then
    return true;
  end if;

  return exists (
    select
    from private.trusted_oauth_clients as t
    where t.client_id = v_client_id
  );
end;
$$;

revoke all on function private.session_is_trusted from public, anon, authenticated, service_role;
-- A policy calls it as the role that reads, so that role needs the privilege.
grant execute on function private.session_is_trusted to authenticated;
