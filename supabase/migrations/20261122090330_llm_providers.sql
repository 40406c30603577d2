-- Providers of language models: where llm-proxy may send a request, and how a key is
-- presented there. Only what is in this table can be reached, so it is written by the
-- operator alone: no API role has a privilege on it.
create table private.llm_providers (
  provider text primary key,
  name text not null,
  base_url text not null,
  auth_header text not null default 'authorization',
  auth_scheme text default 'Bearer',
  extra_headers jsonb not null default '{}',
  path_prefixes text[] not null default '{/v1/}',
  check_path text,
  credits_per_call integer not null default 1,
  is_active boolean not null default true,
  constraint llm_providers_provider_form check (provider ~ '^[a-z][a-z0-9_-]{1,31}$'),
  constraint llm_providers_name_length check (char_length(name) between 1 and 200),
  -- No user, query or fragment. Which hosts and addresses are allowed is decided at each call,
  -- because what a name resolves to can change.
  constraint llm_providers_base_url_form check (base_url ~ '^https?://[^\s/?#@\\]+(/[^\s?#@\\]*)?$'),
  constraint llm_providers_auth_header_form check (auth_header ~ '^[A-Za-z0-9-]{1,100}$'),
  constraint llm_providers_auth_scheme_form check (auth_scheme ~ '^[A-Za-z0-9-]{0,100}$'),
  constraint llm_providers_extra_headers_are_an_object check (jsonb_typeof(extra_headers) = 'object'),
  constraint llm_providers_path_prefixes_not_empty check (cardinality(path_prefixes) > 0 and array_position(path_prefixes, null) is null),
  constraint llm_providers_credits_per_call_not_negative check (credits_per_call >= 0)
);

comment on table private.llm_providers is
  'Providers that llm-proxy can reach. An operator adds one by one insert and closes one by is_active = false.';
comment on column private.llm_providers.base_url is
  'https://host, with a path where the API has one. http only on loopback, and only where LLM_ALLOW_LOOPBACK is set.';
comment on column private.llm_providers.auth_header is 'Header that carries the key.';
comment on column private.llm_providers.auth_scheme is 'Word before the key, such as Bearer; null where the key stands alone.';
comment on column private.llm_providers.extra_headers is
  'Headers for every request, as an object of texts. A header of the same name in the request takes precedence.';
comment on column private.llm_providers.path_prefixes is
  'Paths below base_url that can be reached, each with everything below it: /v1/models stands for itself and /v1/models/x.';
comment on column private.llm_providers.check_path is
  'What GET answers for a valid key alone: the cheapest request of the API. Null where there is none; keys are then stored unverified.';
comment on column private.llm_providers.credits_per_call is
  'Price of a call with the operator''s key, LLM_KEY_<PROVIDER> in the functions'' environment.';

revoke all on private.llm_providers from public, anon, authenticated, service_role;

-- Paths that generate, and lists of models. Files, batches, fine-tuning and administration are
-- left out: with the operator's key they would show and cost what is not the caller's.
insert into private.llm_providers
  (provider, name, base_url, auth_header, auth_scheme, extra_headers, path_prefixes, check_path)
values
  (
    'openai', 'OpenAI', 'https://api.openai.com', 'authorization', 'Bearer', '{}',
    '{/v1/chat/completions,/v1/completions,/v1/responses,/v1/embeddings,/v1/moderations,/v1/models}', '/v1/models'
  ),
  (
    -- https://docs.anthropic.com/en/api/versioning
    'anthropic', 'Anthropic', 'https://api.anthropic.com', 'x-api-key', null, '{"anthropic-version": "2023-06-01"}',
    '{/v1/messages,/v1/models}', '/v1/models'
  ),
  (
    'google', 'Google Gemini', 'https://generativelanguage.googleapis.com', 'x-goog-api-key', null, '{}',
    '{/v1beta/models,/v1/models}', '/v1beta/models?pageSize=1'
  ),
  (
    'mistral', 'Mistral', 'https://api.mistral.ai', 'authorization', 'Bearer', '{}',
    '{/v1/chat/completions,/v1/fim/completions,/v1/embeddings,/v1/models}', '/v1/models'
  ),
  (
    -- Its list of models is open to everybody, so it says nothing about a key.
    'openrouter', 'OpenRouter', 'https://openrouter.ai', 'authorization', 'Bearer', '{}',
    '{/api/v1/chat/completions,/api/v1/completions,/api/v1/models,/api/v1/key}', '/api/v1/key'
  ),
  (
    'groq', 'Groq', 'https://api.groq.com', 'authorization', 'Bearer', '{}',
    '{/openai/v1/chat/completions,/openai/v1/responses,/openai/v1/models}', '/openai/v1/models'
  ),
  (
    -- Its own base URL has no version, and OpenAI's clients may put one: both reach the same.
    'deepseek', 'DeepSeek', 'https://api.deepseek.com', 'authorization', 'Bearer', '{}',
    '{/chat/completions,/v1/chat/completions,/models,/v1/models}', '/models'
  ),
  (
    'xai', 'xAI', 'https://api.x.ai', 'authorization', 'Bearer', '{}',
    '{/v1/chat/completions,/v1/responses,/v1/models}', '/v1/models'
  );

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

comment on function private.list_llm_providers() is 'Implementation of public.list_llm_providers().';

revoke all on function private.list_llm_providers from public, anon, authenticated, service_role;
grant execute on function private.list_llm_providers to anon, authenticated, service_role;

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
  'Providers of language models for which llm-proxy and store-api-key work: [{provider, name}], by name.';

revoke all on function public.list_llm_providers from public, anon, authenticated, service_role;
grant execute on function public.list_llm_providers to anon, authenticated, service_role;

-- What a function needs to make a request. Null where no active provider has this name.
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

comment on function private.llm_provider(text) is 'The row of an active provider as JSON, or null.';

revoke all on function private.llm_provider from public, anon, authenticated, service_role;

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

comment on function private.unknown_llm_provider() is 'The error for a provider that is not active or not there.';

revoke all on function private.unknown_llm_provider from public, anon, authenticated, service_role;

-- The functions know from the token whether the session was opened with a second factor, and
-- whether there is one is asked in the same transaction as everything else.
create function private.second_factor_required()
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return private.error_result(
    'mfa_required', 'Confirm your second factor first: this session was opened without it.'
  );
end;
$$;

comment on function private.second_factor_required() is
  'The error for a session that was opened without the second factor that its user has.';

revoke all on function private.second_factor_required from public, anon, authenticated, service_role;

-- A key is checked with its provider between these two. The first counts, and its error is
-- returned, so that nobody tries keys of others by the thousand; no transaction is
-- open while the provider is asked.
create function private.begin_api_key_check(user_id uuid, provider text, has_second_factor boolean)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_wait integer;
  v_provider jsonb;
begin
  if not begin_api_key_check.has_second_factor and private.has_second_factor(begin_api_key_check.user_id) then
    return private.second_factor_required();
  end if;
  v_wait := private.take_api_key_write(begin_api_key_check.user_id);
  if v_wait is not null then
    return private.error_result(
      'rate_limited',
      format('Wait %s s, then store the key.', v_wait),
      jsonb_build_object('retry_after', v_wait)
    );
  end if;

  v_provider := private.llm_provider(begin_api_key_check.provider);
  if v_provider is null then
    return private.unknown_llm_provider();
  end if;
  return jsonb_build_object('ok', true, 'provider', v_provider);
end;
$$;

comment on function private.begin_api_key_check(uuid, text, boolean) is 'Implementation of public.begin_api_key_check().';

revoke all on function private.begin_api_key_check from public, anon, authenticated, service_role;
grant execute on function private.begin_api_key_check to service_role;

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

revoke all on function public.begin_api_key_check from public, anon, authenticated, service_role;
grant execute on function public.begin_api_key_check to service_role;

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

comment on function private.store_checked_api_key(uuid, text, text, boolean, text) is
  'Implementation of public.store_checked_api_key().';

revoke all on function private.store_checked_api_key from public, anon, authenticated, service_role;
grant execute on function private.store_checked_api_key to service_role;

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

revoke all on function public.store_checked_api_key from public, anon, authenticated, service_role;
grant execute on function public.store_checked_api_key to service_role;

-- Everything that a call of llm-proxy needs of the database, in one transaction: the count,
-- the provider, the key with its audit row, or the charge for the operator's key with its
-- audit row. The request id is the charge's idempotency key, by which refund_credits() gives
-- it back.
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
  v_wait integer;
  v_provider jsonb;
  v_price integer;
  v_key record;
begin
  if not open_llm_call.has_second_factor and private.has_second_factor(open_llm_call.user_id) then
    return private.second_factor_required();
  end if;
  v_wait := private.take_attempt('llm_call', open_llm_call.user_id, 60, interval '1 minute');
  if v_wait is not null then
    return private.error_result(
      'rate_limited',
      format('Wait %s s, then send the request again.', v_wait),
      jsonb_build_object('retry_after', v_wait)
    );
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

comment on function private.open_llm_call(uuid, text, text, boolean, boolean) is 'Implementation of public.open_llm_call().';

revoke all on function private.open_llm_call from public, anon, authenticated, service_role;
grant execute on function private.open_llm_call to service_role;

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
  'Internal, for llm-proxy: counts a call, 60 a minute a user, and gives the provider with the user''s key, or charges credits_per_call for the operator''s under request_id. {ok: true, provider, api_key, stored_at, is_rejected, charged} or {ok: false, error}';

revoke all on function public.open_llm_call from public, anon, authenticated, service_role;
grant execute on function public.open_llm_call to service_role;

-- Marks the key that was used and no other: one that was stored since has another stored_at.
create function private.mark_api_key(user_id uuid, provider text, stored_at timestamptz, accepted boolean)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  update public.api_keys as k
  set rejected_at = case when mark_api_key.accepted then null else now() end,
      verified_at = case when mark_api_key.accepted then now() else k.verified_at end
  where k.user_id = mark_api_key.user_id
    and k.provider = mark_api_key.provider
    and k.updated_at = mark_api_key.stored_at
    and (k.rejected_at is not null) = mark_api_key.accepted;

  return jsonb_build_object('marked', found);
end;
$$;

comment on function private.mark_api_key(uuid, text, timestamptz, boolean) is 'Implementation of public.mark_api_key().';

revoke all on function private.mark_api_key from public, anon, authenticated, service_role;
grant execute on function private.mark_api_key to service_role;

create function public.mark_api_key(user_id uuid, provider text, stored_at timestamptz, accepted boolean)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
begin atomic
  select private.mark_api_key(user_id, provider, stored_at, accepted);
end;

comment on function public.mark_api_key(uuid, text, timestamptz, boolean) is
  'Internal, for llm-proxy: sets rejected_at of a key that its provider refuses, or clears it. {marked}: false where nothing changed.';

revoke all on function public.mark_api_key from public, anon, authenticated, service_role;
grant execute on function public.mark_api_key to service_role;
