-- The user whose private rows the caller may see: what visitors may read in part, a table by
-- its policy or a function, uses this instead of auth.uid(), which is also the user's id in an
-- untrusted client's session. A restrictive policy beside it would have every such read look
-- for the public row twice.
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

comment on function private.reader_id() is
  'The signed-in user''s id; null for a visitor and for an OAuth client that is not trusted.';

revoke all on function private.reader_id from public, anon, authenticated, service_role;
-- A policy calls it as the role that reads, so that role needs the privilege.
grant execute on function private.reader_id to authenticated;
