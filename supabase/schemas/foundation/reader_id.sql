-- Returns the user whose rows the caller may read and write; null for a visitor and for an OAuth client that is not
-- trusted. It replaces auth.uid(), which is the user's id in an untrusted client's session too, in the policies of
-- tables that visitors may read in part, and in functions. A restrictive policy for all commands, as the other tables
-- have, would be no replacement there: it would hide the public rows.
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
