-- Returns the user whose private rows the caller may see; null for a visitor and for an OAuth client that is not
-- trusted. Policies and functions of what visitors may read in part use this instead of auth.uid(), which is the
-- user's id in an untrusted client's session too. A restrictive policy would be no replacement: every such read
-- would look for the public row twice.
create function private.reader_id()
returns uuid
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_claims jsonb := auth.jwt();
begin
  if coalesce(v_claims ->> 'client_id', '') = '' or private.session_is_trusted() then
    return auth.uid();
  end if;
  return null;
end;
$$;

revoke all on function private.reader_id from public, anon, authenticated, service_role;
-- A policy calls it as the role that reads, so that role needs the privilege.
grant execute on function private.reader_id to authenticated;
