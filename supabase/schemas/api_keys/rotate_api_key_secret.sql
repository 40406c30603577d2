create function public.rotate_api_key_secret()
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select jsonb_build_object('version', private.create_api_key_secret());
end;

comment on function public.rotate_api_key_secret() is
  'Generates the next secret: keys are stored under it from now on. {version}';

revoke all on function public.rotate_api_key_secret from public, anon, authenticated, service_role;
grant execute on function private.create_api_key_secret, public.rotate_api_key_secret to service_role;
