create function private.delete_api_key(provider text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := private.caller_account(of_own_session => true, with_second_factor => true);
begin
  if delete_api_key.provider is null then
    perform private.raise_error('invalid_argument', 'Name the provider.', '{"argument": "provider"}');
  end if;

  delete from public.api_keys as k
  where k.user_id = v_user_id
    and k.provider = private.clean_provider(delete_api_key.provider);

  return jsonb_build_object('deleted', found);
end;
$$;

create function public.delete_api_key(provider text)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.delete_api_key(provider);
end;

comment on function public.delete_api_key(text) is
  'Deletes the caller''s key of a provider. {deleted}: false where there was none.';

revoke all on function private.delete_api_key, public.delete_api_key from public, anon, authenticated, service_role;
grant execute on function private.delete_api_key, public.delete_api_key to authenticated;
