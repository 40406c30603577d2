-- Everything that a call of llm-proxy needs from the database, in one transaction: the count, the provider, and
-- either the user's key with its audit row or the charge for the operator's key with its audit row. The request id
-- is the idempotency key of the charge, by which refund_credits() gives it back.
create function private.open_llm_call(
  user_id uuid,
  provider text,
  request_id text,
  has_operator_key boolean,
  has_second_factor boolean
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_refusal jsonb;
  v_provider jsonb;
  v_price integer;
  v_key record;
begin
  if not open_llm_call.has_second_factor and private.has_second_factor(open_llm_call.user_id) then
    return private.second_factor_required();
  end if;

  v_refusal := private.refuse_attempt(
    'llm_call', open_llm_call.user_id, 60, interval '1 minute', 'Wait %s s, then send the request again.'
  );
  if v_refusal is not null then
    return v_refusal;
  end if;

  v_provider := private.llm_provider(open_llm_call.provider);
  if v_provider is null then
    return private.unknown_llm_provider();
  end if;

  v_key := private.use_api_key(open_llm_call.user_id, v_provider ->> 'provider', open_llm_call.request_id);
  if v_key.refusal is null then
    return jsonb_build_object(
      'ok', true,
      'provider', v_provider,
      'api_key', v_key.api_key,
      'stored_at', v_key.stored_at,
      'is_rejected', v_key.is_rejected,
      'charged', 0
    );
  elsif v_key.refusal -> 'error' ->> 'code' <> 'api_key_not_found' or not open_llm_call.has_operator_key then
    return v_key.refusal;
  end if;

  v_price := (v_provider ->> 'credits_per_call')::integer;
  if v_price > 0 then
    perform private.charge_credits(
      open_llm_call.user_id, v_price, format('Call of %s', v_provider ->> 'name'), open_llm_call.request_id
    );
  end if;
  insert into public.api_key_events (user_id, provider, action, request_id)
  values (open_llm_call.user_id, v_provider ->> 'provider', 'operator_key_used', open_llm_call.request_id);

  return jsonb_build_object('ok', true, 'provider', v_provider, 'api_key', null, 'charged', v_price);
end;
$$;

create function public.open_llm_call(
  user_id uuid,
  provider text,
  request_id text,
  has_operator_key boolean,
  has_second_factor boolean
)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.open_llm_call(user_id, provider, request_id, has_operator_key, has_second_factor);
end;

comment on function public.open_llm_call(uuid, text, text, boolean, boolean) is
  'Internal, for llm-proxy: counts a call, 60 a minute a user, and returns the provider with the user''s key, or charges credits_per_call for the operator''s under request_id. {ok: true, provider, api_key, stored_at, is_rejected, charged} or {ok: false, error}';

revoke all on function private.open_llm_call, public.open_llm_call from public, anon, authenticated, service_role;
grant execute on function private.open_llm_call, public.open_llm_call to service_role;
