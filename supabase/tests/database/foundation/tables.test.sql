-- Every check and limit of the tables, with the last value that is accepted and the first that is refused. A migration that
-- adds an enumerated value must change this list.
begin;

create extension if not exists pgtap with schema extensions;

select no_plan();

insert into auth.users (id, aud, role, email)
values (md5('user')::uuid, 'authenticated', 'authenticated', 'user@tables.test');

insert into public.strategies (id, user_id, name, config)
values (md5('strategy')::uuid, md5('user')::uuid, 'Base', '{}');

-- Without this secret a trigger would refuse version 0 before the check.
select vault.create_secret('made by hand', 'api_key_secret_v0');

-- A valid row of each table: a case below replaces one of its values.
create temporary table valid_rows (table_name text primary key, row_values jsonb);

insert into valid_rows
values
  ('plans', '{"plan_type": "extra", "name": "Extra", "max_versions": 1}'),
  ('api_keys', jsonb_build_object('user_id', md5('user')::uuid, 'provider', 'openai', 'key_encrypted', 'x', 'key_hint', 'x', 'secret_version', private.current_api_key_secret_version())),
  ('api_key_events', jsonb_build_object('user_id', md5('user')::uuid, 'provider', 'openai', 'action', 'stored')),
  ('indicators', '{"name": "Tables test", "category": "momentum", "type": "entry"}'),
  ('custom_indicators', jsonb_build_object('user_id', md5('user')::uuid, 'name', 'Mine', 'category', 'momentum', 'type', 'exit', 'pine_script', 'plot(close)')),
  ('strategies', jsonb_build_object('user_id', md5('user')::uuid, 'name', 'Mine', 'config', '{}'::jsonb)),
  ('strategy_components', jsonb_build_object('user_id', md5('user')::uuid, 'strategy_id', md5('strategy')::uuid, 'component_type', 'entry', 'position', 0)),
  ('strategy_versions', jsonb_build_object('user_id', md5('user')::uuid, 'strategy_id', md5('strategy')::uuid, 'version_number', 1000, 'config', '{}'::jsonb)),
  ('subscriptions', jsonb_build_object('user_id', md5('user')::uuid, 'status', 'active', 'provider', 'stripe', 'provider_subscription_id', 'sub_1', 'plan_type', 'premium_monthly')),
  ('coupons', '{"code": "TABLES-10", "discount_percent": 10}');

-- Inserts the valid row with the given changes and rolls back. Returns the SQLSTATE, or null if the row was accepted.
create function pg_temp.refusal(in_table text, changes jsonb)
returns text
language plpgsql
as $$
declare
  v_values jsonb;
  v_columns text;
begin
  select v.row_values || changes into v_values from valid_rows as v where v.table_name = in_table;
  select string_agg(quote_ident(k), ', ') into v_columns from jsonb_object_keys(v_values) as k;
  begin
    execute format(
      'insert into public.%1$I (%2$s) select %2$s from jsonb_populate_record(null::public.%1$I, $1)', in_table, v_columns
    ) using v_values;
    raise exception using errcode = 'UNDO0';
  exception
    when sqlstate 'UNDO0' then
      return null;
    when others then
      return sqlstate;
  end;
end;
$$;

create temporary table cases (id integer generated always as identity, table_name text, changes jsonb, refusal text, rule text);

insert into cases (table_name, changes, refusal, rule)
select table_name, '{}'::jsonb, null, 'a valid row is accepted'
from valid_rows;

-- Limits of length: the limit is accepted, one character more is refused.
insert into cases (table_name, changes, refusal, rule)
select t, jsonb_build_object(c, repeat('x', cap + extra)), case extra when 1 then '23514' end, format('%s of %s characters', c, cap + extra)
from (
  values
    ('plans', 'name', 200),
    ('api_keys', 'key_encrypted', 4096),
    ('api_keys', 'key_hint', 4),
    ('api_key_events', 'request_id', 200),
    ('indicators', 'name', 200),
    ('indicators', 'category', 200),
    ('indicators', 'description', 4000),
    ('custom_indicators', 'name', 200),
    ('custom_indicators', 'category', 200),
    ('custom_indicators', 'description', 4000),
    ('custom_indicators', 'pine_script', 102400),
    ('strategies', 'name', 200),
    ('strategies', 'description', 4000),
    ('strategy_components', 'indicator_name', 200),
    ('strategy_versions', 'notes', 4000),
    ('coupons', 'description', 4000)
) as caps (t, c, cap), unnest(array[0, 1]) as extra;

-- JSON objects with a limit in bytes. {"a": "…"} takes nine bytes besides the value.
insert into cases (table_name, changes, refusal, rule)
select t, jsonb_build_object(c, jsonb_build_object('a', repeat('x', cap - 9 + extra))), case extra when 1 then '23514' end, format('%s of %s bytes', c, cap + extra)
from (
  values
    ('indicators', 'defaults', 8192),
    ('strategies', 'config', 65536),
    ('strategy_components', 'parameters', 8192)
) as caps (t, c, cap), unnest(array[0, 1]) as extra
union all
select t, jsonb_build_object('parameters', jsonb_build_object('a', repeat('x', 16384))), '23514', 'parameters of more than 16 KiB'
from unnest(array['indicators', 'custom_indicators']) as t
union all
select t, jsonb_build_object(c, '[]'::jsonb), '23514', format('%s that is not an object', c)
from (
  values
    ('indicators', 'parameters'), ('indicators', 'defaults'), ('custom_indicators', 'parameters'), ('strategies', 'config'),
    ('strategy_components', 'parameters'), ('strategy_versions', 'config')
) as objects (t, c);

-- Enumerations: each of their values, and an unknown one.
insert into cases (table_name, changes, refusal, rule)
select t, jsonb_build_object(c, v), case v when 'other' then '23514' end, format('%s %s', c, v)
from (
  values
    ('indicators', 'type', '{trend,entry,exit,stop_loss,other}'::text[]),
    ('custom_indicators', 'type', '{trend,entry,exit,stop_loss,other}'),
    ('strategy_components', 'component_type', '{trend,entry,exit,stop_loss,other}'),
    ('strategies', 'market_type', '{futures,stocks,crypto,forex,other}'),
    ('strategies', 'timeframe', '{1m,5m,15m,1h,4h,1d,other}'),
    ('api_key_events', 'action', '{stored,decrypted,deleted,reencrypted,other}'),
    ('subscriptions', 'provider', '{stripe,paypal,manual,other}'),
    ('subscriptions', 'status', '{incomplete,incomplete_expired,trialing,active,past_due,canceled,unpaid,paused,other}'),
    ('coupons', 'duration', '{once,forever,other}')
) as enumerations (t, c, vs), unnest(vs) as v;

insert into cases (table_name, changes, refusal, rule)
values
  ('plans', '{"plan_type": "Extra"}', '23514', 'a plan type in capitals'),
  ('plans', '{"max_versions": 0}', '23514', 'a plan without versions'),
  ('plans', '{"monthly_credits": -1}', '23514', 'a plan that takes credits'),
  ('plans', '{"max_strategies": -1}', '23514', 'a negative number of strategies'),
  ('plans', '{"max_strategies": null}', null, 'no limit of strategies'),
  ('plans', '{"max_custom_indicators": -1}', '23514', 'a negative number of custom indicators'),
  ('plans', '{"plan_type": "free"}', '23505', 'a plan that exists already'),
  ('api_keys', '{"provider": "OpenAI"}', '23514', 'a provider in capitals'),
  ('api_keys', '{"provider": "o"}', '23514', 'a provider of one character'),
  ('api_keys', '{"provider": "azure_open-ai2"}', null, 'a provider with digits, underscore and hyphen'),
  ('api_keys', '{"secret_version": 0}', '23514', 'a secret version before the first'),
  ('api_key_events', '{"provider": "a b"}', '23514', 'an event of no provider'),
  ('indicators', '{"name": "  "}', '23514', 'a blank name'),
  ('indicators', '{"category": ""}', '23514', 'a blank category'),
  ('indicators', '{"accuracy_rating": 5}', null, 'the best rating'),
  ('indicators', '{"accuracy_rating": 5.01}', '23514', 'a rating above 5'),
  ('indicators', '{"accuracy_rating": -0.01}', '23514', 'a rating below 0'),
  ('custom_indicators', '{"pine_script": " \n\t"}', '23514', 'a blank script'),
  ('custom_indicators', '{"name": " "}', '23514', 'a blank name'),
  ('strategies', '{"name": ""}', '23514', 'a blank name'),
  ('strategies', '{"config": null}', '23502', 'no config'),
  ('strategies', '{"market_type": null, "timeframe": null}', null, 'no market and no timeframe yet'),
  ('strategy_components', '{"position": -1}', '23514', 'a negative position'),
  ('strategy_versions', '{"version_number": 0}', '23514', 'a version before the first'),
  ('subscriptions', '{"plan_type": "unheard_of"}', '23503', 'a subscription to no plan'),
  ('subscriptions', '{"provider": "manual", "provider_subscription_id": null}', null, 'a manual subscription'),
  ('coupons', '{"discount_percent": 0}', '23514', 'no discount'),
  ('coupons', '{"discount_percent": 1}', null, 'the smallest discount'),
  ('coupons', '{"discount_percent": 100}', null, 'the whole price'),
  ('coupons', '{"discount_percent": 101}', '23514', 'more than the price'),
  ('coupons', '{"code": "lower-10"}', '23514', 'a code in lower case'),
  ('coupons', '{"code": "AB"}', '23514', 'a code of two characters'),
  ('coupons', '{"code": "-ABC"}', '23514', 'a code that starts with a hyphen'),
  ('coupons', '{"max_uses": 1, "current_uses": 1}', null, 'a coupon used up'),
  ('coupons', '{"max_uses": 1, "current_uses": 2}', '23514', 'a coupon used beyond its maximum'),
  ('coupons', '{"current_uses": -1}', '23514', 'a negative number of uses');

insert into cases (table_name, changes, refusal, rule)
select 'coupons', jsonb_build_object('code', repeat('A', n)), case n when 65 then '23514' end, format('a code of %s characters', n)
from unnest(array[3, 64, 65]) as n;

select is(pg_temp.refusal(c.table_name, c.changes), c.refusal, format('%s: %s: %s', c.table_name, c.rule, coalesce(c.refusal, 'accepted')))
from cases as c
order by c.id;

-- ------------------------------------------------------------------------- unique

insert into public.indicators (name, category, type) values ('Relative Test Index', 'momentum', 'entry');
select is(pg_temp.refusal('indicators', '{"name": "RELATIVE test INDEX"}'), '23505', 'library names are unique without regard to case');

insert into public.custom_indicators (user_id, name, category, type, pine_script) values (md5('user')::uuid, 'Twin', 'momentum', 'exit', 'x');
select is(pg_temp.refusal('custom_indicators', '{"name": "TWIN"}'), '23505', 'two custom indicators of a user cannot have the same name');

insert into public.subscriptions (user_id, status, provider, provider_subscription_id, plan_type)
values (md5('user')::uuid, 'active', 'stripe', 'sub_twin', 'premium_monthly');
select is(pg_temp.refusal('subscriptions', '{"provider_subscription_id": "sub_twin"}'), '23505', 'a provider''s subscription id is unique');
select is(
  pg_temp.refusal('subscriptions', '{"provider": "paypal", "provider_subscription_id": "sub_twin"}'), null,
  'the same subscription id of another provider is accepted'
);

insert into public.coupons (id, code, discount_percent) values (md5('coupon')::uuid, 'TWIN-10', 10);
select is(pg_temp.refusal('coupons', '{"code": "TWIN-10"}'), '23505', 'a coupon''s code is unique');

insert into public.user_coupons (user_id, coupon_id) values (md5('user')::uuid, md5('coupon')::uuid);
select throws_ok(
  $$insert into public.user_coupons (user_id, coupon_id) values (md5('user')::uuid, md5('coupon')::uuid)$$,
  '23505', null, 'a user can redeem a coupon only once'
);

insert into public.api_keys (user_id, provider, key_encrypted, key_hint, secret_version) values (md5('user')::uuid, 'twin', 'x', 'x', private.current_api_key_secret_version());
select is(pg_temp.refusal('api_keys', '{"provider": "twin"}'), '23505', 'a user can have only one key for a provider');

-- ------------------------------------------------------- shape of the whole schema

select set_eq(
  $$select i.relname::text
    from pg_catalog.pg_class as i
    where i.relnamespace = 'public'::regnamespace
      and i.relkind = 'i'
      and i.relname like 'idx\_%'$$,
  $$values
    ('idx_coupons_code'), ('idx_indicators_type_category'), ('idx_strategies_user_id'),
    ('idx_strategy_components_strategy_id'), ('idx_strategy_versions_strategy_id'), ('idx_users_email')$$,
  'the six indexes of the original schema exist under their names'
);

select is_empty(
  $$select a.indexrelid::regclass, b.indexrelid::regclass
    from pg_catalog.pg_index as a
    join pg_catalog.pg_index as b
      on b.indrelid = a.indrelid
      and b.indexrelid <> a.indexrelid
      and b.indkey::text || ' ' like a.indkey::text || ' %'
      and not a.indisunique
      and a.indexprs is null
      and a.indpred is null
      -- A partial index does not contain every row, so it cannot replace another.
      and b.indpred is null
    join pg_catalog.pg_class as c on c.oid = a.indrelid
    where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace)$$,
  'no index is a prefix of another'
);

select is_empty(
  $$select k.conrelid::regclass, k.conname
    from pg_catalog.pg_constraint as k
    where k.contype = 'f'
      and k.connamespace in ('public'::regnamespace, 'private'::regnamespace)
      and not exists (
        select
        from pg_catalog.pg_index as i
        where i.indrelid = k.conrelid
          and i.indpred is null
          and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] = k.conkey
      )$$,
  'every foreign key has an index that leads with it'
);

select is_empty(
  $$select c.relname, a.attname
    from pg_catalog.pg_attribute as a
    join pg_catalog.pg_class as c on c.oid = a.attrelid
    where c.relnamespace = 'public'::regnamespace
      and c.relkind = 'r'
      and a.attnum > 0
      and not a.attisdropped
      and a.atthasdef
      and a.attgenerated = ''
      and not a.attnotnull$$,
  'every column with a default is not null'
);

select is_empty(
  $$select c.relname
    from pg_catalog.pg_class as c
    where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace)
      and c.relkind = 'r'
      and obj_description(c.oid, 'pg_class') is null$$,
  'every table has a comment'
);

select is_empty(
  $$select p.proname
    from pg_catalog.pg_proc as p
    where p.pronamespace = 'public'::regnamespace
      and obj_description(p.oid, 'pg_proc') is null$$,
  'every public function has a comment'
);

select is_empty(
  $$select c.relname
    from pg_catalog.pg_class as c
    where c.relnamespace = 'public'::regnamespace
      and c.relkind = 'r'
      and exists (
        select from pg_catalog.pg_attribute as a where a.attrelid = c.oid and a.attname = 'updated_at' and not a.attisdropped
      )
      and not exists (
        select
        from pg_catalog.pg_trigger as t
        where t.tgrelid = c.oid
          and t.tgfoid = 'private.set_updated_at()'::regprocedure
      )$$,
  'every updated_at is set by a trigger'
);

select * from finish();

rollback;
