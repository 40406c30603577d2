-- Providers of language models: who may read them, and what a call through llm-proxy does in the database.
begin;

create extension if not exists pgtap with schema extensions;

select no_plan();

insert into auth.users (id, aud, role, email)
select md5(who)::uuid, 'authenticated', 'authenticated', who || '@llm.test'
from unnest(array['ada', 'bob', 'caller', 'checker']) as who;

insert into auth.users (id, aud, role, is_anonymous)
values (md5('nameless')::uuid, 'authenticated', 'authenticated', true);

insert into private.llm_providers (provider, name, base_url, credits_per_call, is_active)
values
  ('priced', 'Priced', 'https://priced.test', 2, true),
  ('free_of_charge', 'Free of charge', 'https://free.test', 0, true),
  ('closed', 'Closed', 'https://closed.test', 1, false);

-- --------------------------------------------------------------------- the providers

select is(
  (select array_agg(p ->> 'provider' order by p ->> 'provider') from jsonb_array_elements(public.list_llm_providers()) as p
   where p ->> 'provider' not in ('local', 'priced', 'free_of_charge')),
  array['anthropic', 'deepseek', 'google', 'groq', 'mistral', 'openai', 'openrouter', 'xai'],
  'eight providers ship, and an inactive one is not listed'
);
select is(
  (select jsonb_agg(distinct k) from jsonb_array_elements(public.list_llm_providers()) as p, jsonb_object_keys(p) as k),
  '["name", "provider"]',
  'a client gets the names of providers and nothing else'
);
select is_empty(
  $$select provider from private.llm_providers where provider <> 'local' and base_url !~ '^https://[a-z.]+$'$$,
  'every provider that ships has an https URL'
);
select throws_ok(
  format('set local role %I; select * from private.llm_providers', r), '42501', null, format('%s does not read the table', r)
)
from unnest(array['anon', 'authenticated', 'service_role']) as r;
reset role;

select throws_ok(
  format($$insert into private.llm_providers (provider, name, base_url) values ('x1', 'X', %L)$$, base_url), '23514', null,
  format('base_url %s is refused', base_url)
)
from unnest(array['', 'ftp://x.test', 'https://', 'https://user:word@x.test', 'https://x.test?a=b', 'https://x.test/#a', 'https://x.test/a b', 'javascript:alert(1)']) as base_url;
select lives_ok(
  $$insert into private.llm_providers (provider, name, base_url) values ('one_insert', 'One insert', 'https://api.one.test/v2')$$,
  'an operator can add a provider by one insert'
);

-- ------------------------------------------------------- a call with the caller's key

create function pg_temp.call(who text, provider text, has_operator_key boolean, request_id text default 'request-00000001')
returns jsonb
language sql
as $$
  select public.open_llm_call(md5(who)::uuid, provider, request_id, has_operator_key, false)
$$;

create function pg_temp.refusal(answer jsonb)
returns text
language sql
as $$
  select concat_ws(' ', answer -> 'error' ->> 'status', answer -> 'error' ->> 'code')
$$;

create function pg_temp.events(who text)
returns text
language sql
as $$
  select string_agg(provider || ' ' || action || ' ' || coalesce(request_id, '-'), ', ' order by id)
  from public.api_key_events
  where user_id = md5(who)::uuid
$$;

create function pg_temp.credits(who text)
returns integer
language sql
as $$
  select credits from public.users where id = md5(who)::uuid
$$;

select public.store_checked_api_key(md5('ada')::uuid, 'priced', 'sk-key-of-ada', true, 'request-store');
select isnt((select verified_at from public.api_keys where user_id = md5('ada')::uuid), null, 'a key that was checked is stored as verified');
select public.store_checked_api_key(md5('ada')::uuid, 'openai', 'sk-key-of-ada', false, 'request-store');
select is((select verified_at from public.api_keys where user_id = md5('ada')::uuid and provider = 'openai'), null, 'a key that could not be checked is stored as unverified');
select is(pg_temp.events('ada'), 'priced stored request-store, openai stored request-store', 'storing a checked key writes an audit row with the request''s id');

select is(
  pg_temp.call('ada', ' Priced ', true) - 'stored_at',
  '{"ok": true, "charged": 0, "api_key": "sk-key-of-ada", "is_rejected": false, "provider": {
    "provider": "priced", "name": "Priced", "base_url": "https://priced.test", "auth_header": "authorization", "auth_scheme": "Bearer",
    "extra_headers": {}, "path_prefixes": ["/v1/"], "check_path": null, "credits_per_call": 2}}',
  'a call gets the provider and the caller''s own key, even if the operator has one'
);
select is(pg_temp.events('ada'), 'priced stored request-store, openai stored request-store, priced decrypted request-00000001', 'a call with the own key writes one audit row');
select isnt((select last_used from public.api_keys where user_id = md5('ada')::uuid and provider = 'priced'), null, 'a call with the own key sets last_used');
select is(pg_temp.credits('ada'), 5, 'a call with the own key costs no credits');

select is(pg_temp.refusal(pg_temp.call('ada', provider, true)), '404 llm_provider_not_found', format('provider %s cannot be called', provider))
from unnest(array['closed', 'nobody', '', null]) as provider;
select is(pg_temp.refusal(pg_temp.call('bob', 'priced', false)), '404 api_key_not_found', 'without any key a call is refused');
select is(pg_temp.refusal(pg_temp.call('nameless', 'priced', true)), '403 email_required', 'without an account a call is refused');
select is(pg_temp.events('bob'), null, 'a refused call writes no audit row');

-- ---------------------------------------------------- a call with the operator's key

select is(pg_temp.call('bob', 'priced', true) ->> 'api_key', null, 'a call with the operator''s key gets no key from the database');
select is(pg_temp.credits('bob'), 3, 'a call with the operator''s key costs the credits of the provider''s row');
select is(pg_temp.events('bob'), 'priced operator_key_used request-00000001', 'a call with the operator''s key writes one audit row');
select is(public.refund_credits(md5('bob')::uuid, 'request-00000001') ->> 'balance', '5', 'the credits of a call can be refunded by the request''s id');
select is(public.refund_credits(md5('bob')::uuid, 'request-00000001') ->> 'replayed', 'true', 'refunding a call again is a replay');
select is(pg_temp.credits('bob'), 5, 'refunding a call again gives no credits');
select is(pg_temp.call('bob', 'free_of_charge', true, 'request-00000002') ->> 'charged', '0', 'a provider can be free of charge');
select is(pg_temp.call('bob', 'priced', true, 'request-00000003') ->> 'charged', '2', 'a call is charged while there are enough credits');
select is(pg_temp.call('bob', 'priced', true, 'request-00000004') ->> 'charged', '2', 'the next call is charged too');
select throws_ok($$select pg_temp.call('bob', 'priced', true, 'request-00000005')$$, 'PT402', null, 'without enough credits a call with the operator''s key is refused');
select is(
  pg_temp.events('bob'),
  'priced operator_key_used request-00000001, free_of_charge operator_key_used request-00000002, priced operator_key_used request-00000003, priced operator_key_used request-00000004',
  'each call writes one audit row, and a refused one none'
);
select is_empty($$select * from private.check_ledger(md5('bob')::uuid)$$, 'the ledger adds up after these calls');

-- --------------------------------------------------------------------- the limit

select is(
  (select count(*) from generate_series(1, 60) where pg_temp.refusal(pg_temp.call('caller', 'priced', false)) = '404 api_key_not_found'),
  60::bigint,
  'sixty calls a minute are allowed, and failed ones count'
);
select is(pg_temp.call('caller', 'priced', true) -> 'error' ->> 'code', 'rate_limited', 'the sixty-first call in a minute is refused');
select is(pg_temp.credits('caller'), 5, 'a call that the limit refuses costs nothing');

-- ---------------------------------------------------------------- checking a key

select is(public.begin_api_key_check(md5('checker')::uuid, 'priced', false) -> 'provider' ->> 'base_url', 'https://priced.test', 'a check gets the provider''s URL');
select is(pg_temp.refusal(public.begin_api_key_check(md5('checker')::uuid, 'closed', false)), '404 llm_provider_not_found', 'an inactive provider cannot be checked');
select is(
  (select count(*) from generate_series(1, 28) where public.begin_api_key_check(md5('checker')::uuid, 'priced', false) ->> 'ok' = 'true'),
  28::bigint,
  'thirty checks in ten minutes are allowed'
);
select is(public.begin_api_key_check(md5('checker')::uuid, 'priced', false) -> 'error' ->> 'code', 'rate_limited', 'the thirty-first check in ten minutes is refused');

-- ------------------------------------------------------------- the second factor

insert into auth.mfa_factors (id, user_id, factor_type, status, created_at, updated_at)
values (gen_random_uuid(), md5('ada')::uuid, 'totp', 'verified', now(), now());
select is(pg_temp.refusal(pg_temp.call('ada', 'priced', true)), '403 mfa_required', 'a user with a second factor cannot call without it');
select is(
  public.open_llm_call(md5('ada')::uuid, 'priced', 'request-00000008', true, true) ->> 'api_key', 'sk-key-of-ada', 'a user with a second factor can call with it'
);
select is(
  pg_temp.refusal(public.begin_api_key_check(md5('ada')::uuid, 'priced', false)), '403 mfa_required', 'a user with a second factor cannot check a key without it'
);
select is(public.begin_api_key_check(md5('ada')::uuid, 'priced', true) ->> 'ok', 'true', 'a user with a second factor can check a key with it');
delete from auth.mfa_factors where user_id = md5('ada')::uuid;

-- ------------------------------------------------------------- a key that is refused

create function pg_temp.mark(accepted boolean, stored_at timestamptz default null)
returns text
language sql
as $$
  select public.mark_api_key(
    k.user_id, k.provider, coalesce(mark.stored_at, k.updated_at), mark.accepted
  ) ->> 'marked'
  from public.api_keys as k
  where k.user_id = md5('ada')::uuid
    and k.provider = 'openai'
$$;

create function pg_temp.openai_key_of_ada()
returns text
language sql
as $$
  select concat_ws(' ', case when verified_at is not null then 'verified' end, case when rejected_at is not null then 'rejected' end)
  from public.api_keys
  where user_id = md5('ada')::uuid
    and provider = 'openai'
$$;

select is(pg_temp.mark(false, '2026-01-01'), 'false', 'a mark for a key that was replaced meanwhile is ignored');
select is(pg_temp.openai_key_of_ada(), '', 'an ignored mark changes nothing');
select is(pg_temp.mark(false), 'true', 'a key that is refused is marked');
select is(pg_temp.mark(false), 'false', 'a key that is already marked is not marked again');
select is(pg_temp.openai_key_of_ada(), 'rejected', 'a refused key has the time of its rejection');
select is(pg_temp.call('ada', 'openai', false, 'request-00000009') ->> 'is_rejected', 'true', 'a rejected key can still be used, because the provider may accept it again');
select is(pg_temp.mark(true), 'true', 'a rejected key that the provider accepts is marked');
select is(pg_temp.openai_key_of_ada(), 'verified', 'a key that is accepted again is verified and not rejected');
select pg_temp.mark(false);
select public.store_checked_api_key(md5('ada')::uuid, 'openai', 'sk-next-key-of-ada', false, null);
select is(pg_temp.openai_key_of_ada(), '', 'a new key is neither verified nor rejected');

select * from finish();

rollback;
