-- store-api-key calls this, asks the provider whether it accepts the key, and then calls store_checked_api_key(). No
-- transaction is open while the provider is asked. The attempt is counted, and an error is returned and not raised:
-- raising would undo the count, and somebody could test stolen keys by the thousand.
create function private.begin_api_key_check(user_id uuid, provider text, has_second_factor boolean)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_refusal jsonb;
  v_provider jsonb;
begin
  if not begin_api_key_check.has_second_factor and private.has_second_factor(begin_api_key_check.user_id) then
    return private.second_factor_required();
  end if;

  v_refusal := private.refuse_api_key_write(begin_api_key_check.user_id);
  if v_refusal is not null then
    return v_refusal;
  end if;

  v_provider := private.llm_provider(begin_api_key_check.provider);
  if v_provider is null then
    return private.unknown_llm_provider();
  end if;
  return jsonb_build_object('ok', true, 'provider', v_provider);
end;
$$;

create function public.begin_api_key_check(user_id uuid, provider text, has_second_factor boolean)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.begin_api_key_check(user_id, provider, has_second_factor);
end;

comment on function public.begin_api_key_check(uuid, text, boolean) is
  'Internal, for store-api-key: counts a key that is about to be checked with its provider, 30 in 10 minutes a user. {ok: true, provider} or {ok: false, error}';

revoke all on function private.begin_api_key_check, public.begin_api_key_check
  from public, anon, authenticated, service_role;
grant execute on function private.begin_api_key_check, public.begin_api_key_check to service_role;
