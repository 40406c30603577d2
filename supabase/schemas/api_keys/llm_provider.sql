-- Returns what a function needs to make a request to an active provider; null where none has this name.
create function private.llm_provider(provider text)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return (
    select jsonb_build_object(
      'provider', p.provider,
      'name', p.name,
      'base_url', p.base_url,
      'auth_header', p.auth_header,
      'auth_scheme', p.auth_scheme,
      'extra_headers', p.extra_headers,
      'path_prefixes', p.path_prefixes,
      'check_path', p.check_path,
      'credits_per_call', p.credits_per_call
    )
    from private.llm_providers as p
    where p.provider = private.clean_provider(llm_provider.provider)
      and p.is_active
  );
end;
$$;

-- The error for a provider that does not exist or is not active.
create function private.unknown_llm_provider()
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return private.error_result(
    'llm_provider_not_found', 'No provider has this name: choose one of list_llm_providers().', '{"argument": "provider"}'
  );
end;
$$;

revoke all on function private.llm_provider, private.unknown_llm_provider
  from public, anon, authenticated, service_role;
