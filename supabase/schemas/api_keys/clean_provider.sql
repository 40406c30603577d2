-- Ignores case and surrounding white space in a provider's name: people type both by accident.
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

comment on function private.clean_provider(text) is 'A provider''s name as it is stored.';

revoke all on function private.clean_provider from public, anon, authenticated, service_role;
