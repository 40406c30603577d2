create function private.list_llm_providers()
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object('provider', p.provider, 'name', p.name) order by p.name), '[]')
  from private.llm_providers as p
  where p.is_active
$$;

create function public.list_llm_providers()
returns jsonb
language sql
stable
security invoker
set search_path = ''
begin atomic
  select private.list_llm_providers();
end;

comment on function public.list_llm_providers() is
  'The active providers of language models, which llm-proxy and store-api-key accept: [{provider, name}], by name.';

revoke all on function private.list_llm_providers, public.list_llm_providers
  from public, anon, authenticated, service_role;
grant execute on function private.list_llm_providers, public.list_llm_providers to anon, authenticated, service_role;
