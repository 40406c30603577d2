-- Returns a provider's name as it is stored: without the case and the white space that people type by accident.
create function private.clean_provider(provider text)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return lower(btrim(clean_provider.provider, E' \t\r\n'));
end;
$$;

revoke all on function private.clean_provider from public, anon, authenticated, service_role;
