create function private.store_checked_api_key(
  user_id uuid,
  provider text,
  api_key text,
  verified boolean,
  request_id text
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  return private.write_api_key(
    store_checked_api_key.user_id,
    store_checked_api_key.provider,
    store_checked_api_key.api_key,
    coalesce(store_checked_api_key.verified, false),
    store_checked_api_key.request_id
  );
end;
$$;

create function public.store_checked_api_key(
  user_id uuid,
  provider text,
  api_key text,
  verified boolean,
  request_id text default null
)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.store_checked_api_key(user_id, provider, api_key, verified, request_id);
end;

comment on function public.store_checked_api_key(uuid, text, text, boolean, text) is
  'Internal, for store-api-key: stores a key that begin_api_key_check counted; verified where the provider accepted it. Answers as store_api_key does.';

revoke all on function private.store_checked_api_key, public.store_checked_api_key
  from public, anon, authenticated, service_role;
grant execute on function private.store_checked_api_key, public.store_checked_api_key to service_role;
