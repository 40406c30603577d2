create function private.store_api_key(provider text, api_key text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := private.caller_id(of_own_session => true, with_second_factor => true);
  v_stored jsonb;
  v_refusal jsonb;
begin
  v_stored := private.write_api_key(v_user_id, store_api_key.provider, store_api_key.api_key, false, null);

  -- A client that rolls this call back undoes the row and its audit row together with the count.
  v_refusal := private.refuse_api_key_write(v_user_id) -> 'error';
  if v_refusal is not null then
    perform private.raise_error('rate_limited', v_refusal ->> 'message', v_refusal -> 'facts');
  end if;
  return v_stored;
end;
$$;

create function public.store_api_key(provider text, api_key text)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.store_api_key(provider, api_key);
end;

comment on function public.store_api_key(text, text) is
  'Stores the caller''s key of a provider, or replaces it. {id, provider, key_hint, created_at, updated_at, last_used}; never the key.';

revoke all on function private.store_api_key, public.store_api_key from public, anon, authenticated, service_role;
grant execute on function private.store_api_key, public.store_api_key to authenticated;
