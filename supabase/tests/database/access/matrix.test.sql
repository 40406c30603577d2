-- Who may do what: the access rules of the contract as tables, and each entry is tried.
--
-- Part one tries every command on every column of every table as each API role, and compares the columns that work with the
-- expected ones. Part two tries statements on rows as each kind of person, and part three in each kind of session. npm test
-- runs this file in both modes of default privileges, so that a privilege that comes from a default shows in one of them.
begin;

create extension if not exists pgtap with schema extensions;

select no_plan();

-- ------------------------------------------------------------------ the people
-- Ids are hashes of names, so that statements below can be read without a list of ids.

insert into auth.users (id, aud, role, email)
values
  (md5('owner')::uuid, 'authenticated', 'authenticated', 'owner@matrix.test'),
  (md5('stranger')::uuid, 'authenticated', 'authenticated', 'stranger@matrix.test'),
  (md5('premium')::uuid, 'authenticated', 'authenticated', 'premium@matrix.test'),
  (md5('anonymous')::uuid, 'authenticated', 'authenticated', null);

-- The owner has a second factor, and has confirmed it in the session `owner`. A factor that was never verified does not
-- count.
insert into auth.mfa_factors (id, user_id, factor_type, status, created_at, updated_at)
values
  (md5('factor')::uuid, md5('owner')::uuid, 'totp', 'verified', now(), now()),
  (md5('unverified factor')::uuid, md5('premium')::uuid, 'totp', 'unverified', now(), now());

insert into private.trusted_oauth_clients (client_id, name)
values ('trusted-client', 'Matrix');

insert into public.plans (plan_type, name, max_versions, is_active)
values ('matrix_retired', 'Retired', 1, false);

insert into public.credit_packs (pack_type, name, credits, is_active)
values ('matrix_retired', 'Retired', 1, false);

insert into public.prices (provider, provider_price_id, pack_type, currency, unit_amount, is_current)
values
  ('stripe', 'price_matrix_now', 'credits_100', 'xts', 900, true),
  ('stripe', 'price_matrix_then', 'credits_100', 'xts', 800, false);

insert into public.coupons (id, code, discount_percent)
values (md5('coupon')::uuid, 'MATRIX-10', 10), (md5('other coupon')::uuid, 'MATRIX-20', 20);

insert into public.indicators (id, name, category, type, is_public, created_by)
values
  (md5('indicator')::uuid, 'Matrix public', 'momentum', 'entry', true, null),
  (md5('owner indicator')::uuid, 'Matrix owner', 'momentum', 'entry', false, md5('owner')::uuid),
  (md5('premium indicator')::uuid, 'Matrix premium', 'momentum', 'entry', false, md5('premium')::uuid);

insert into public.api_keys (id, user_id, provider, key_encrypted, key_hint, secret_version)
select md5(who || ' key')::uuid, md5(who)::uuid, 'openai', 'ciphertext', 'last', private.current_api_key_secret_version()
from unnest(array['owner', 'premium']) as who;

insert into public.api_key_events (user_id, provider, action)
select md5(who)::uuid, 'openai', 'stored'
from unnest(array['owner', 'premium']) as who;

insert into public.subscriptions (id, user_id, status, provider, provider_subscription_id, plan_type)
select md5(who || ' subscription')::uuid, md5(who)::uuid, 'canceled', 'stripe', 'sub_matrix_' || who, 'premium_monthly'
from unnest(array['owner', 'premium']) as who;

-- This comes after the subscriptions, because inserting them sets premium.
update public.users
set premium_until = now() + interval '1 day'
where id = md5('premium')::uuid;

insert into public.custom_indicators (id, user_id, name, category, type, pine_script, is_public)
select md5(who || shared || 'custom')::uuid, md5(who)::uuid, 'Matrix' || shared, 'momentum', 'exit', 'plot(close)', shared = ' public '
from unnest(array['owner', 'premium']) as who, unnest(array[' private ', ' public ']) as shared;

insert into public.strategies (id, user_id, name, config, is_public)
select md5(who || shared || 'strategy')::uuid, md5(who)::uuid, 'Matrix', '{}', shared = ' public '
from unnest(array['owner', 'premium']) as who, unnest(array[' private ', ' public ']) as shared;

insert into public.strategy_components (id, strategy_id, user_id, indicator_id, component_type, position)
select md5(who || shared || 'component')::uuid, md5(who || shared || 'strategy')::uuid, md5(who)::uuid, md5('indicator')::uuid, 'entry', 0
from unnest(array['owner', 'premium']) as who, unnest(array[' private ', ' public ']) as shared;

insert into public.strategy_versions (id, strategy_id, user_id, version_number, config)
select md5(who || shared || 'version')::uuid, md5(who || shared || 'strategy')::uuid, md5(who)::uuid, 1000, '{}'
from unnest(array['owner', 'premium']) as who, unnest(array[' private ', ' public ']) as shared;

insert into public.user_coupons (id, user_id, coupon_id)
select md5(who || ' redemption')::uuid, md5(who)::uuid, md5('coupon')::uuid
from unnest(array['owner', 'premium']) as who;

-- --------------------------------------------------------------------- the trial

-- The claims of an actor's token: a visitor, the service, a person's own session, or one of
-- the sessions in pg_temp.sessions of a person, as in 'owner by client'.
create function pg_temp.claims_of(actor text)
returns jsonb
language sql
return case actor
  when 'anon' then '{"role": "anon"}'
  when 'service_role' then '{"role": "service_role"}'
  else jsonb_build_object('role', 'authenticated', 'sub', md5(split_part(actor, ' by ', 1))::uuid)
    || case split_part(actor, ' by ', 2)
      when 'client' then '{"client_id": "untrusted-client", "aal": "aal2"}'
      when 'trusted client' then '{"client_id": "trusted-client", "aal": "aal2"}'
      when 'password alone' then '{"aal": "aal1"}'
      when 'no sign-in' then '{"aal": "aal1", "is_anonymous": true}'
      else case actor when 'owner' then '{"aal": "aal2"}' else '{"aal": "aal1"}' end::jsonb
    end::jsonb
end;

-- Runs a statement as an actor, rolls it back, and returns the outcome: the number of rows, 'no grant', 'policy', the
-- identifier of an error, or the SQLSTATE.
create function pg_temp.attempt(actor text, statement text)
returns text
language plpgsql
as $$
declare
  v_claims jsonb := pg_temp.claims_of(actor);
  v_rows integer;
  v_detail text;
  v_outcome text;
begin
  perform set_config('request.jwt.claims', v_claims::text, true);
  perform set_config('role', v_claims ->> 'role', true);
  begin
    execute statement;
    get diagnostics v_rows = row_count;
    set constraints all immediate;
    raise exception using errcode = 'UNDO0', message = v_rows;
  exception
    when sqlstate 'UNDO0' then
      v_outcome := sqlerrm;
    when insufficient_privilege then
      v_outcome := case
        when sqlerrm like '%row-level security%' then 'policy'
        when sqlerrm like 'permission denied%' then 'no grant'
        else sqlerrm
      end;
    when others then
      get stacked diagnostics v_detail = pg_exception_detail;
      v_outcome := case when sqlstate like 'PT%' then v_detail else sqlstate end;
  end;
  perform set_config('role', session_user, true);
  perform set_config('request.jwt.claims', '', true);
  return v_outcome;
end;
$$;

-- ----------------------------------------------------- part one: commands and columns
-- What is not listed must be refused. '*' is every column.

create temporary table expected_grants (table_name text, role_name text, command text, columns text);

insert into expected_grants
values
  ('users', 'authenticated', 'select', '*'),
  ('users', 'authenticated', 'update', 'full_name, preferences, public_name'),
  ('plans', 'anon', 'select', '*'),
  ('plans', 'authenticated', 'select', '*'),
  ('credit_packs', 'anon', 'select', '*'),
  ('credit_packs', 'authenticated', 'select', '*'),
  ('prices', 'anon', 'select', 'created_at, currency, id, interval, interval_count, is_current, pack_type, plan_type, provider, unit_amount'),
  ('prices', 'authenticated', 'select', 'created_at, currency, id, interval, interval_count, is_current, pack_type, plan_type, provider, unit_amount'),
  ('credit_transactions', 'authenticated', 'select', '*'),
  ('api_keys', 'authenticated', 'select', 'created_at, id, key_hint, last_used, provider, rejected_at, secret_version, updated_at, user_id, verified_at'),
  ('api_keys', 'authenticated', 'delete', '*'),
  ('api_key_events', 'authenticated', 'select', '*'),
  ('indicators', 'anon', 'select', '*'),
  ('indicators', 'authenticated', 'select', '*'),
  ('custom_indicators', 'anon', 'select', '*'),
  ('custom_indicators', 'authenticated', 'select', '*'),
  ('custom_indicators', 'authenticated', 'insert', 'category, description, is_public, name, parameters, pine_script, type, user_id'),
  ('custom_indicators', 'authenticated', 'update', 'category, description, is_public, name, parameters, pine_script, type'),
  ('custom_indicators', 'authenticated', 'delete', '*'),
  ('strategies', 'anon', 'select', '*'),
  ('strategies', 'authenticated', 'select', '*'),
  ('strategies', 'authenticated', 'insert', 'config, description, is_ai_generated, is_public, market_type, name, timeframe, user_id'),
  ('strategies', 'authenticated', 'update', 'config, description, is_public, market_type, name, timeframe'),
  ('strategies', 'authenticated', 'delete', '*'),
  ('strategy_versions', 'authenticated', 'select', '*'),
  ('strategy_components', 'anon', 'select', '*'),
  ('strategy_components', 'authenticated', 'select', '*'),
  ('strategy_components', 'authenticated', 'insert', 'component_type, indicator_id, is_custom, parameters, position, strategy_id'),
  ('strategy_components', 'authenticated', 'update', 'component_type, indicator_id, is_custom, parameters, position'),
  ('strategy_components', 'authenticated', 'delete', '*'),
  ('subscriptions', 'authenticated', 'select', '*'),
  ('user_coupons', 'authenticated', 'select', '*'),
  ('credit_transactions', 'service_role', 'select', '*'),
  ('api_key_events', 'service_role', 'select', '*'),
  ('strategy_versions', 'service_role', 'select', '*');

insert into expected_grants
select t, 'service_role', c, '*'
from
  unnest(array[
    'users', 'plans', 'credit_packs', 'prices', 'api_keys', 'indicators', 'custom_indicators', 'strategies', 'strategy_components',
    'subscriptions', 'coupons', 'user_coupons'
  ]) as t,
  unnest(array['select', 'insert', 'update', 'delete']) as c;

select set_eq(
  $$select c.relname::text
    from pg_catalog.pg_class as c
    where c.relnamespace = 'public'::regnamespace
      and c.relkind in ('r', 'p', 'v', 'm', 'f')$$,
  $$select distinct table_name from expected_grants$$,
  'the matrix lists exactly the tables of public'
);

select is_empty(
  $$select c.relname
    from pg_catalog.pg_class as c
    where c.relnamespace = 'public'::regnamespace
      and c.relkind = 'r'
      and not c.relrowsecurity$$,
  'every table has row-level security'
);

-- The columns of a table for which a role has the grant of a command, as a list, or '*' for all of them. A delete has no
-- columns.
create function pg_temp.working_columns(table_name text, role_name text, command text)
returns text
language sql
as $$
  select case when count(*) = count(*) filter (where works) then '*' else string_agg(name, ', ' order by name) filter (where works) end
  from (
    select
      a.attname::text as name,
      pg_temp.attempt(
        case when role_name = 'authenticated' then 'stranger' else role_name end,
        case command
          when 'select' then format('select %I from public.%I limit 0', a.attname, table_name)
          when 'insert' then format('insert into public.%I (%I) values (default)', table_name, a.attname)
          when 'update' then format('update public.%I set %I = default where false', table_name, a.attname)
          else format('delete from public.%I where false', table_name)
        end
      ) <> 'no grant' as works
    from pg_catalog.pg_attribute as a
    where a.attrelid = format('public.%I', table_name)::regclass
      and a.attnum > 0
      and not a.attisdropped
  ) as tried
$$;

select is(
  pg_temp.working_columns(t.table_name, r.role_name, c.command),
  e.columns,
  format('%s: %s may %s %s', t.table_name, r.role_name, c.command, coalesce(e.columns, 'nothing'))
)
from (select distinct table_name from expected_grants) as t
cross join unnest(array['anon', 'authenticated', 'service_role']) as r (role_name)
cross join unnest(array['select', 'insert', 'update', 'delete']) as c (command)
left join expected_grants as e using (table_name, role_name, command)
order by t.table_name, r.role_name, c.command;

select is_empty(
  $$select c.relname, coalesce(r.rolname, 'public'), a.privilege_type
    from pg_catalog.pg_class as c
    cross join lateral aclexplode(c.relacl) as a
    left join pg_catalog.pg_roles as r on r.oid = a.grantee
    where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace)
      and coalesce(r.rolname, 'public') in ('public', 'anon', 'authenticated', 'service_role')
      and (
        c.relkind = 'S'
        or c.relnamespace = 'private'::regnamespace
        or a.privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
        or a.grantee = 0
      )$$,
  'no API role has truncate, references, trigger or maintain, and none on a sequence or in private'
);

select is_empty(
  $$select r.rolname
    from pg_catalog.pg_roles as r
    where r.rolname in ('anon', 'authenticated', 'service_role')
      and has_schema_privilege(r.oid, 'private', 'usage, create')$$,
  'no API role has usage on private'
);

-- Which role may call which function, by its name with the schema. What is not listed must be refused. A public wrapper
-- and its implementation have the same callers.
create temporary table expected_callers (function_name text, role_name text);

-- Sessions. The role of a policy must be able to call the policy's functions.
insert into expected_callers
values
  ('private.session_is_trusted', 'authenticated'),
  ('private.session_is_strong', 'authenticated'),
  ('private.has_room_for_exports', 'authenticated'),
  ('private.reader_id', 'authenticated'),
  ('private.has_second_factor', 'service_role'),
  -- An index on indicators, which the service role writes, calls it.
  ('private.search_words', 'service_role'),
  ('public.has_second_factor', 'service_role');

-- Billing and webhooks.
insert into expected_callers
select s || f, 'service_role'
from
  unnest(array['public.', 'private.']) as s,
  unnest(array[
    'apply_read', 'begin_checkout', 'begin_webhook_event', 'billing_attention', 'billing_health', 'billing_of', 'billing_overview',
    'diagnose_account', 'dismiss_billing_attention', 'drop_checkout', 'end_checkout',
    'fail_webhook_event', 'finish_provider_task', 'grant_premium', 'link_billing_customer', 'next_read_number', 'open_checkout',
    'open_provider_tasks', 'reconcile_targets', 'record_webhook_event', 'return_paypal_ask', 'sweep', 'take_billing_call',
    'take_paypal_ask', 'unsettled_webhook_events'
  ]) as f;

insert into expected_callers
values
  ('public.rotate_api_key_secret', 'service_role'),
  ('private.create_api_key_secret', 'service_role'),
  ('public.store_checked_api_key', 'service_role'),
  ('private.write_api_key', 'service_role'),
  ('public.revoke_subscription', 'service_role'),
  ('public.reinstate_subscription', 'service_role'),
  ('private.change_revocation', 'service_role');

insert into expected_callers
select schema || '.' || name, role
from unnest(array['public', 'private']) as schema
cross join (
  values
    ('consume_credits', 'authenticated'),
    ('charge_credits', 'service_role'),
    ('refund_credits', 'service_role'),
    ('grant_credits', 'service_role'),
    ('redeem_coupon', 'service_role'),
    ('preview_coupon', 'service_role'),
    ('get_my_account', 'authenticated'),
    ('export_my_data', 'authenticated'),
    ('export_user_data', 'service_role'),
    ('delete_user', 'service_role')
) as caller (name, role);

-- API keys.
insert into expected_callers
select s || '.' || f, r
from
  unnest(array['public', 'private']) as s,
  (
    values
      ('store_api_key', 'authenticated'),
      ('delete_api_key', 'authenticated'),
      ('get_decrypted_api_key', 'service_role'),
      ('encrypt_api_key', 'service_role'),
      ('decrypt_api_key', 'service_role'),
      ('reencrypt_api_keys', 'service_role'),
      ('drop_api_key_secret', 'service_role'),
      ('begin_api_key_check', 'service_role'),
      ('open_llm_call', 'service_role'),
      ('mark_api_key', 'service_role'),
      ('list_llm_providers', 'anon'),
      ('list_llm_providers', 'authenticated'),
      ('list_llm_providers', 'service_role')
  ) as api_keys (f, r);

-- Strategies and the library.
insert into expected_callers
select s || '.' || f, r
from
  unnest(array['public', 'private']) as s,
  unnest(array['search_indicators', 'get_strategy', 'list_public_strategies']) as f,
  unnest(array['anon', 'authenticated', 'service_role']) as r
union all
select s || '.' || f, 'authenticated'
from
  unnest(array['public', 'private']) as s,
  unnest(array['save_strategy', 'restore_strategy_version', 'fork_strategy']) as f;

select set_eq(
  $$select distinct p.pronamespace::regnamespace::text || '.' || p.proname, coalesce(r.rolname::text, 'public')
    from pg_catalog.pg_proc as p
    cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
    left join pg_catalog.pg_roles as r on r.oid = a.grantee
    where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace)
      and coalesce(r.rolname, 'public') in ('public', 'anon', 'authenticated', 'service_role')$$,
  $$select function_name, role_name from expected_callers$$,
  'exactly these roles may call exactly these functions'
);

select is_empty(
  $$select p.proname
    from pg_catalog.pg_proc as p
    where p.pronamespace = 'public'::regnamespace
      and (p.prosecdef or p.prosqlbody is null)$$,
  'every function in public is a wrapper that runs as its caller, with names resolved at creation'
);

select is_empty(
  $$select p.pronamespace::regnamespace::text, p.proname
    from pg_catalog.pg_proc as p
    where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace)
      and not coalesce(p.proconfig @> array['search_path=""'], false)$$,
  'every function has an empty search_path'
);

-- ----------------------------------------------------------- part two: rows and people
-- {who} is the user whose rows a statement uses: premium if premium is the actor, otherwise the owner. {me} is the actor.

create temporary table expected_outcomes (
  id integer generated always as identity,
  table_name text,
  does text,
  statement text,
  anon text,
  owner text,
  stranger text,
  premium text,
  service_role text
);

insert into expected_outcomes (table_name, does, statement, anon, owner, stranger, premium, service_role)
values
  ('users', 'read the account', $$select id from public.users where id = md5('{who}')::uuid$$,
    'no grant', '1', '0', '1', '1'),
  ('users', 'change the name', $$update public.users set full_name = 'x' where id = md5('{who}')::uuid$$,
    'no grant', '1', '0', '1', '1'),
  ('users', 'raise the credits', $$update public.users set credits = 1000 where id = md5('{who}')::uuid$$,
    'no grant', 'no grant', 'no grant', 'no grant', '23514'),
  ('users', 'set premium', $$update public.users set is_premium = true where id = md5('{who}')::uuid$$,
    'no grant', 'no grant', 'no grant', 'no grant', '1'),
  ('users', 'extend premium', $$update public.users set premium_until = 'infinity' where id = md5('{who}')::uuid$$,
    'no grant', 'no grant', 'no grant', 'no grant', '1'),
  ('users', 'create an account', $$insert into public.users (id, email) values (md5('{me}')::uuid, 'new@matrix.test')$$,
    'no grant', 'no grant', 'no grant', 'no grant', '23503'),
  ('users', 'delete the account', $$delete from public.users where id = md5('{who}')::uuid$$,
    'no grant', 'no grant', 'no grant', 'no grant', '1'),

  ('plans', 'read active plans', $$select plan_type from public.plans where plan_type = 'free'$$,
    '1', '1', '1', '1', '1'),
  ('plans', 'read inactive plans', $$select plan_type from public.plans where plan_type = 'matrix_retired'$$,
    '0', '0', '0', '0', '1'),
  ('plans', 'change a plan', $$update public.plans set max_strategies = null where plan_type = 'free'$$,
    'no grant', 'no grant', 'no grant', 'no grant', '1'),
  ('plans', 'create a plan', $$insert into public.plans (plan_type, name, max_versions) values ('mine', 'Mine', 1)$$,
    'no grant', 'no grant', 'no grant', 'no grant', '1'),
  ('plans', 'delete a plan', $$delete from public.plans where plan_type = 'matrix_retired'$$,
    'no grant', 'no grant', 'no grant', 'no grant', '1'),

  ('credit_packs', 'read active packs', $$select pack_type from public.credit_packs where pack_type = 'credits_100'$$,
    '1', '1', '1', '1', '1'),
  ('credit_packs', 'read inactive packs', $$select pack_type from public.credit_packs where pack_type = 'matrix_retired'$$,
    '0', '0', '0', '0', '1'),
  ('credit_packs', 'change a pack', $$update public.credit_packs set credits = 10000 where pack_type = 'credits_100'$$,
    'no grant', 'no grant', 'no grant', 'no grant', '1'),

  ('prices', 'read current prices', $$select id from public.prices where currency = 'xts' and is_current$$,
    '1', '1', '1', '1', '1'),
  ('prices', 'read old prices', $$select id from public.prices where not is_current$$,
    '0', '0', '0', '0', '1'),
  ('prices', 'read the provider''s ids', $$select provider_price_id from public.prices where currency = 'xts' and is_current$$,
    'no grant', 'no grant', 'no grant', 'no grant', '1'),
  ('prices', 'lower a price', $$update public.prices set unit_amount = 1 where currency = 'xts' and is_current$$,
    'no grant', 'no grant', 'no grant', 'no grant', '1'),

  ('credit_transactions', 'read the ledger', $$select id from public.credit_transactions where user_id = md5('{who}')::uuid$$,
    'no grant', '1', '0', '1', '1'),
  ('credit_transactions', 'write the ledger',
    $$insert into public.credit_transactions (user_id, kind, delta, balance_after) values (md5('{me}')::uuid, 'grant', 5, 10)$$,
    'no grant', 'no grant', 'no grant', 'no grant', 'no grant'),
  ('credit_transactions', 'change the ledger', $$update public.credit_transactions set delta = 1 where user_id = md5('{who}')::uuid$$,
    'no grant', 'no grant', 'no grant', 'no grant', 'no grant'),
  ('credit_transactions', 'delete from the ledger', $$delete from public.credit_transactions where user_id = md5('{who}')::uuid$$,
    'no grant', 'no grant', 'no grant', 'no grant', 'no grant'),

  ('api_keys', 'read the key''s hint', $$select id, provider, key_hint from public.api_keys where user_id = md5('{who}')::uuid$$,
    'no grant', '1', '0', '1', '1'),
  ('api_keys', 'read the ciphertext', $$select key_encrypted from public.api_keys where user_id = md5('{who}')::uuid$$,
    'no grant', 'no grant', 'no grant', 'no grant', '1'),
  ('api_keys', 'filter by the ciphertext', $$select id from public.api_keys where key_encrypted like 'c%' and user_id = md5('{who}')::uuid$$,
    'no grant', 'no grant', 'no grant', 'no grant', '1'),
  ('api_keys', 'insert a key',
    $$insert into public.api_keys (user_id, provider, key_encrypted, key_hint, secret_version) values (md5('owner')::uuid, 'anthropic', 'x', 'x', (select max(secret_version) from public.api_keys))$$,
    'no grant', 'no grant', 'no grant', 'no grant', '1'),
  ('api_keys', 'change a key', $$update public.api_keys set key_encrypted = 'x' where user_id = md5('{who}')::uuid$$,
    'no grant', 'no grant', 'no grant', 'no grant', '1'),
  ('api_keys', 'delete a key', $$delete from public.api_keys where user_id = md5('{who}')::uuid$$,
    'no grant', '1', '0', '1', '1'),

  ('api_key_events', 'read the audit trail', $$select id from public.api_key_events where user_id = md5('{who}')::uuid$$,
    'no grant', '1', '0', '1', '1'),
  ('api_key_events', 'write the audit trail',
    $$insert into public.api_key_events (user_id, provider, action) values (md5('{me}')::uuid, 'openai', 'stored')$$,
    'no grant', 'no grant', 'no grant', 'no grant', 'no grant'),
  ('api_key_events', 'change the audit trail', $$update public.api_key_events set action = 'stored' where user_id = md5('{who}')::uuid$$,
    'no grant', 'no grant', 'no grant', 'no grant', 'no grant'),
  ('api_key_events', 'delete from the audit trail', $$delete from public.api_key_events where user_id = md5('{who}')::uuid$$,
    'no grant', 'no grant', 'no grant', 'no grant', 'no grant'),

  ('indicators', 'read a public indicator', $$select id from public.indicators where id = md5('indicator')::uuid$$,
    '1', '1', '1', '1', '1'),
  ('indicators', 'read a private indicator', $$select id from public.indicators where id = md5('{who} indicator')::uuid$$,
    '0', '1', '0', '1', '1'),
  ('indicators', 'insert an indicator', $$insert into public.indicators (name, category, type) values ('Mine', 'momentum', 'entry')$$,
    'no grant', 'no grant', 'no grant', 'no grant', '1'),
  ('indicators', 'change an indicator', $$update public.indicators set accuracy_rating = 5 where id = md5('{who} indicator')::uuid$$,
    'no grant', 'no grant', 'no grant', 'no grant', '1'),
  ('indicators', 'delete an indicator', $$delete from public.indicators where id = md5('{who} indicator')::uuid$$,
    'no grant', 'no grant', 'no grant', 'no grant', '1'),

  ('custom_indicators', 'read a public one', $$select pine_script from public.custom_indicators where id = md5('{who} public custom')::uuid$$,
    '1', '1', '1', '1', '1'),
  ('custom_indicators', 'read a private one', $$select pine_script from public.custom_indicators where id = md5('{who} private custom')::uuid$$,
    '0', '1', '0', '1', '1'),
  ('custom_indicators', 'create one of one''s own',
    $$insert into public.custom_indicators (name, category, type, pine_script) values ('New', 'momentum', 'exit', 'plot(open)')$$,
    'no grant', 'premium_required', 'premium_required', '1', '23502'),
  ('custom_indicators', 'create one with another user''s id',
    $$insert into public.custom_indicators (user_id, name, category, type, pine_script) values (md5('owner')::uuid, 'New', 'momentum', 'exit', 'plot(open)')$$,
    'no grant', 'premium_required', 'policy', 'policy', '1'),
  ('custom_indicators', 'change a private one', $$update public.custom_indicators set name = 'x' where id = md5('{who} private custom')::uuid$$,
    'no grant', 'premium_required', '0', '1', '1'),
  ('custom_indicators', 'change a public one', $$update public.custom_indicators set name = 'x' where id = md5('{who} public custom')::uuid$$,
    'no grant', 'premium_required', '0', '1', '1'),
  ('custom_indicators', 'publish one', $$update public.custom_indicators set is_public = true where id = md5('{who} private custom')::uuid$$,
    'no grant', 'premium_required', '0', '1', '1'),
  ('custom_indicators', 'hide one', $$update public.custom_indicators set is_public = false where id = md5('{who} public custom')::uuid$$,
    'no grant', '1', '0', '1', '1'),
  ('custom_indicators', 'hide and change one', $$update public.custom_indicators set is_public = false, name = 'x' where id = md5('{who} public custom')::uuid$$,
    'no grant', 'premium_required', '0', '1', '1'),
  ('custom_indicators', 'give one away', $$update public.custom_indicators set user_id = md5('stranger')::uuid where id = md5('{who} private custom')::uuid$$,
    'no grant', 'no grant', 'no grant', 'no grant', '1'),
  ('custom_indicators', 'delete a private one', $$delete from public.custom_indicators where id = md5('{who} private custom')::uuid$$,
    'no grant', '1', '0', '1', '1'),
  ('custom_indicators', 'delete a public one', $$delete from public.custom_indicators where id = md5('{who} public custom')::uuid$$,
    'no grant', '1', '0', '1', '1'),

  ('strategies', 'read a public one', $$select id from public.strategies where id = md5('{who} public strategy')::uuid$$,
    '1', '1', '1', '1', '1'),
  ('strategies', 'read a private one', $$select id from public.strategies where id = md5('{who} private strategy')::uuid$$,
    '0', '1', '0', '1', '1'),
  ('strategies', 'create one of one''s own', $$insert into public.strategies (name, config) values ('New', '{}')$$,
    'no grant', '1', '1', '1', '23502'),
  ('strategies', 'create one with another user''s id',
    $$insert into public.strategies (user_id, name, config) values (md5('owner')::uuid, 'New', '{}')$$,
    'no grant', '1', 'policy', 'policy', '1'),
  ('strategies', 'change a private one', $$update public.strategies set name = 'x' where id = md5('{who} private strategy')::uuid$$,
    'no grant', '1', '0', '1', '1'),
  ('strategies', 'change a public one', $$update public.strategies set name = 'x' where id = md5('{who} public strategy')::uuid$$,
    'no grant', '1', '0', '1', '1'),
  ('strategies', 'unpublish one', $$update public.strategies set is_public = false where id = md5('{who} public strategy')::uuid$$,
    'no grant', '1', '0', '1', '1'),
  ('strategies', 'give one away', $$update public.strategies set user_id = md5('stranger')::uuid where id = md5('{who} private strategy')::uuid$$,
    'no grant', 'no grant', 'no grant', 'no grant', '1'),
  ('strategies', 'change is_ai_generated', $$update public.strategies set is_ai_generated = false where id = md5('{who} private strategy')::uuid$$,
    'no grant', 'no grant', 'no grant', 'no grant', '1'),
  ('strategies', 'delete a private one', $$delete from public.strategies where id = md5('{who} private strategy')::uuid$$,
    'no grant', '1', '0', '1', '1'),
  ('strategies', 'delete a public one', $$delete from public.strategies where id = md5('{who} public strategy')::uuid$$,
    'no grant', '1', '0', '1', '1'),

  ('strategy_versions', 'read a private one''s', $$select id from public.strategy_versions where id = md5('{who} private version')::uuid$$,
    'no grant', '1', '0', '1', '1'),
  ('strategy_versions', 'read a public one''s', $$select id from public.strategy_versions where id = md5('{who} public version')::uuid$$,
    'no grant', '1', '0', '1', '1'),
  ('strategy_versions', 'write a version',
    $$insert into public.strategy_versions (strategy_id, user_id, version_number, config) values (md5('{who} private strategy')::uuid, md5('{who}')::uuid, 2000, '{}')$$,
    'no grant', 'no grant', 'no grant', 'no grant', 'no grant'),
  ('strategy_versions', 'change a version', $$update public.strategy_versions set notes = 'x' where id = md5('{who} private version')::uuid$$,
    'no grant', 'no grant', 'no grant', 'no grant', 'no grant'),
  ('strategy_versions', 'delete a version', $$delete from public.strategy_versions where id = md5('{who} private version')::uuid$$,
    'no grant', 'no grant', 'no grant', 'no grant', 'no grant'),

  ('strategy_components', 'read a public one''s', $$select id from public.strategy_components where id = md5('{who} public component')::uuid$$,
    '1', '1', '1', '1', '1'),
  ('strategy_components', 'read a private one''s', $$select id from public.strategy_components where id = md5('{who} private component')::uuid$$,
    '0', '1', '0', '1', '1'),
  ('strategy_components', 'add to a private one',
    $$insert into public.strategy_components (strategy_id, component_type, position) values (md5('{who} private strategy')::uuid, 'exit', 0)$$,
    'no grant', '1', 'policy', '1', '1'),
  ('strategy_components', 'add to a public one',
    $$insert into public.strategy_components (strategy_id, component_type, position) values (md5('{who} public strategy')::uuid, 'exit', 0)$$,
    'no grant', '1', 'policy', '1', '1'),
  ('strategy_components', 'add with the owner''s id',
    $$insert into public.strategy_components (strategy_id, user_id, component_type, position) values (md5('{who} public strategy')::uuid, md5('owner')::uuid, 'exit', 0)$$,
    'no grant', 'no grant', 'no grant', 'no grant', null),
  ('strategy_components', 'change a private one''s', $$update public.strategy_components set position = 9 where id = md5('{who} private component')::uuid$$,
    'no grant', '1', '0', '1', '1'),
  ('strategy_components', 'change a public one''s', $$update public.strategy_components set position = 9 where id = md5('{who} public component')::uuid$$,
    'no grant', '1', '0', '1', '1'),
  ('strategy_components', 'move to another strategy',
    $$update public.strategy_components set strategy_id = md5('{who} public strategy')::uuid where id = md5('{who} private component')::uuid$$,
    'no grant', 'no grant', 'no grant', 'no grant', null),
  ('strategy_components', 'remove from a private one', $$delete from public.strategy_components where id = md5('{who} private component')::uuid$$,
    'no grant', '1', '0', '1', '1'),
  ('strategy_components', 'remove from a public one', $$delete from public.strategy_components where id = md5('{who} public component')::uuid$$,
    'no grant', '1', '0', '1', '1'),

  ('subscriptions', 'read the subscription', $$select id from public.subscriptions where user_id = md5('{who}')::uuid$$,
    'no grant', '1', '0', '1', '1'),
  ('subscriptions', 'subscribe for nothing',
    $$insert into public.subscriptions (user_id, status, provider, provider_subscription_id, plan_type) values (md5('owner')::uuid, 'active', 'stripe', 'sub_forged', 'premium_monthly')$$,
    'no grant', 'no grant', 'no grant', 'no grant', '1'),
  ('subscriptions', 'revive it', $$update public.subscriptions set status = 'active' where user_id = md5('{who}')::uuid$$,
    'no grant', 'no grant', 'no grant', 'no grant', '1'),
  ('subscriptions', 'delete it', $$delete from public.subscriptions where user_id = md5('{who}')::uuid$$,
    'no grant', 'no grant', 'no grant', 'no grant', '1'),

  ('coupons', 'read codes', $$select code from public.coupons where id = md5('coupon')::uuid$$,
    'no grant', 'no grant', 'no grant', 'no grant', '1'),
  ('coupons', 'create a code', $$insert into public.coupons (code, discount_percent) values ('FREE-FOR-ALL', 100)$$,
    'no grant', 'no grant', 'no grant', 'no grant', '1'),
  ('coupons', 'raise a discount', $$update public.coupons set discount_percent = 100 where id = md5('coupon')::uuid$$,
    'no grant', 'no grant', 'no grant', 'no grant', '1'),
  ('coupons', 'delete a code', $$delete from public.coupons where id = md5('coupon')::uuid$$,
    'no grant', 'no grant', 'no grant', 'no grant', '1'),

  ('user_coupons', 'read the redemptions', $$select id from public.user_coupons where user_id = md5('{who}')::uuid$$,
    'no grant', '1', '0', '1', '1'),
  ('user_coupons', 'redeem without counting',
    $$insert into public.user_coupons (user_id, coupon_id) values (md5('owner')::uuid, md5('other coupon')::uuid)$$,
    'no grant', 'no grant', 'no grant', 'no grant', '1'),
  ('user_coupons', 'release a spent one', $$update public.user_coupons set applied_at = null where user_id = md5('{who}')::uuid$$,
    'no grant', 'no grant', 'no grant', 'no grant', '1'),
  ('user_coupons', 'delete a redemption', $$delete from public.user_coupons where user_id = md5('{who}')::uuid$$,
    'no grant', 'no grant', 'no grant', 'no grant', '1');

select is(
  pg_temp.attempt(
    a.actor,
    replace(replace(o.statement, '{who}', case a.actor when 'premium' then 'premium' else 'owner' end), '{me}', a.actor)
  ),
  a.expected,
  format('%s: %s tries to %s: %s', o.table_name, a.actor, o.does, a.expected)
)
from expected_outcomes as o
cross join lateral (
  values
    ('anon', o.anon),
    ('owner', o.owner),
    ('stranger', o.stranger),
    ('premium', o.premium),
    ('service_role', o.service_role)
) as a (actor, expected)
where a.expected is not null
order by o.id;

select is(
  (select count(*) from expected_outcomes as o where num_nulls(o.anon, o.owner, o.stranger, o.premium) > 0),
  0::bigint,
  'every statement has an expectation for every person'
);

-- --------------------------------------------------------- part three: kinds of session
-- Each statement of part two in the sessions that are not a person's own. The expected outcome follows from those of the
-- person and of a visitor, except for the exceptions below.

create temporary table sessions (session text, person text);

insert into sessions
values
  ('client', 'owner'),
  ('client', 'premium'),
  ('trusted client', 'owner'),
  ('trusted client', 'premium'),
  ('password alone', 'owner'),
  ('no sign-in', 'anonymous');

create temporary table session_exceptions (session text, table_name text, does text, outcome text);

insert into session_exceptions
values
  ('trusted client', 'api_keys', 'delete a key', '0'),
  ('password alone', 'api_keys', 'delete a key', '0'),
  -- A user without an email has no account that the row could refer to.
  ('no sign-in', 'strategies', 'create one of one''s own', '23503');

select is(
  pg_temp.attempt(
    t.person || ' by ' || t.session,
    replace(replace(t.statement, '{who}', t.whose), '{me}', t.person)
  ),
  t.expected,
  format('%s: a session of %s by %s tries to %s: %s', t.table_name, t.person, t.session, t.does, t.expected)
)
from (
  select
    o.id,
    o.table_name,
    o.does,
    o.statement,
    s.session,
    s.person,
    case s.person when 'anonymous' then 'owner' else s.person end as whose,
    coalesce(
      e.outcome,
      case
        -- Like a visitor. Where a visitor lacks the grant, which the role authenticated has, the policies hide all rows.
        when s.session = 'client' and o.anon = 'no grant' and o.owner <> 'no grant'
          then case when o.statement like 'insert %' then 'policy' else '0' end
        when s.session = 'client' then o.anon
        when s.person = 'anonymous' then o.stranger
        when s.person = 'premium' then o.premium
        else o.owner
      end
    ) as expected
  from expected_outcomes as o
  cross join sessions as s
  left join session_exceptions as e using (session, table_name, does)
) as t
order by t.id, t.session, t.person;

select is_empty(
  $$select e.session, e.table_name, e.does
    from session_exceptions as e
    left join expected_outcomes as o using (table_name, does)
    where o.id is null$$,
  'every exception of a session names a statement of part two'
);

-- Each function that users may call. {own} is the owner's private strategy.
create temporary table expected_calls (
  function_name text,
  call text,
  own text,
  client text,
  trusted_client text,
  password_alone text,
  no_sign_in text
);

insert into expected_calls
values
  ('get_my_account', 'public.get_my_account()',
    '1', 'client_not_trusted', '1', '1', 'email_required'),
  ('export_my_data', 'public.export_my_data()',
    '1', 'client_not_trusted', 'client_not_trusted', 'mfa_required', 'email_required'),
  ('store_api_key', $$public.store_api_key('anthropic', 'sk-matrix-12345678')$$,
    '1', 'client_not_trusted', 'client_not_trusted', 'mfa_required', 'email_required'),
  ('delete_api_key', $$public.delete_api_key('openai')$$,
    '1', 'client_not_trusted', 'client_not_trusted', 'mfa_required', 'email_required'),
  ('consume_credits', 'public.consume_credits(1)',
    '1', 'client_not_trusted', 'client_not_trusted', '1', 'email_required'),
  ('save_strategy', $$public.save_strategy('New', '{}')$$,
    '1', 'client_not_trusted', '1', '1', 'email_required'),
  ('restore_strategy_version', $$public.restore_strategy_version({own}, 1000)$$,
    '1', 'client_not_trusted', '1', '1', 'email_required'),
  ('fork_strategy', 'public.fork_strategy({own})',
    '1', 'client_not_trusted', '1', '1', 'email_required'),
  ('get_strategy', 'public.get_strategy({own})',
    '1', 'strategy_not_found', '1', '1', 'strategy_not_found'),
  ('search_indicators', $$public.search_indicators('Matrix owner')$$,
    '1', '0', '1', '1', '0'),
  ('list_llm_providers', 'public.list_llm_providers()',
    '1', '1', '1', '1', '1'),
  ('list_public_strategies', 'public.list_public_strategies()',
    '1', '1', '1', '1', '1');

select set_eq(
  $$select function_name from expected_calls$$,
  $$select replace(c.function_name, 'public.', '')
    from expected_callers as c
    where c.role_name = 'authenticated'
      and c.function_name like 'public.%'$$,
  'every function that users may call is tried in every kind of session'
);

select is(
  pg_temp.attempt(
    a.actor,
    format('select * from %s', replace(c.call, '{own}', $$md5('owner private strategy')::uuid$$))
  ),
  a.expected,
  format('%s, called by %s: %s', c.function_name, a.actor, a.expected)
)
from expected_calls as c
cross join lateral (
  values
    ('owner', c.own),
    ('owner by client', c.client),
    ('owner by trusted client', c.trusted_client),
    ('owner by password alone', c.password_alone),
    ('anonymous by no sign-in', c.no_sign_in)
) as a (actor, expected)
order by c.function_name, a.actor;

-- ------------------------------------------------------------------------- policies

-- A statement without a condition reads no column, so that the policy for reading does not hold it back.
insert into auth.users (id, aud, role, email, email_confirmed_at)
select md5(who)::uuid, 'authenticated', 'authenticated', who || '@matrix.test', now()
from unnest(array['bare', 'bystander']) as who;
insert into public.api_keys (user_id, provider, key_encrypted, key_hint, secret_version)
select md5(who)::uuid, 'openai', 'ciphertext', 'hint', private.current_api_key_secret_version()
from unnest(array['bare', 'bystander']) as who;
select set_config('request.jwt.claims', format('{"sub": "%s", "role": "authenticated", "aal": "aal2"}', md5('bare')::uuid), true);
set local role authenticated;
update public.users set full_name = 'Everybody';
delete from public.api_keys;
reset role;
select results_eq(
  $$select u.full_name is not distinct from 'Everybody', exists (select from public.api_keys as k where k.user_id = u.id)
    from public.users as u where u.id in (md5('bare')::uuid, md5('bystander')::uuid) order by u.id = md5('bare')::uuid$$,
  $$values (false, true), (true, false)$$,
  'an update and a delete without a condition reach the own rows alone'
);

select is_empty(
  $$select p.tablename, r.role_name, c.command
    from pg_catalog.pg_policies as p
    cross join lateral unnest(p.roles) as r (role_name)
    cross join lateral (
      select unnest(case p.cmd when 'ALL' then array['SELECT', 'INSERT', 'UPDATE', 'DELETE'] else array[p.cmd] end)
    ) as c (command)
    where p.schemaname = 'public'
      and p.permissive = 'PERMISSIVE'
    group by p.tablename, r.role_name, c.command
    having count(*) > 1$$,
  'no table has two permissive policies for one role and command'
);

select is_empty(
  $$select p.tablename, p.policyname
    from pg_catalog.pg_policies as p
    where p.schemaname = 'public'
      and ((p.cmd = 'ALL' and p.permissive = 'PERMISSIVE') or 'public' = any (p.roles))$$,
  'every permissive policy names its command, and every policy its roles'
);

select * from finish();

rollback;
