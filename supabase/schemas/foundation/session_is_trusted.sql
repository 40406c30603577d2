-- The policies ask this once a statement, in a sub-select. The table is read only for a token
-- that carries the claim, so that an ordinary request pays for reading its claims alone.
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

comment on function private.session_is_trusted() is
  'Whether the current session may act as its user: their own session, or one of a trusted OAuth client.';

revoke all on function private.session_is_trusted from public, anon, authenticated, service_role;
-- A policy calls it as the role that reads, so that role needs the privilege.
grant execute on function private.session_is_trusted to authenticated;
