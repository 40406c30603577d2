-- The account of a user, its export, and what remains after its deletion.
begin;

create extension if not exists pgtap with schema extensions;

select no_plan();

insert into auth.users (id, aud, role, email)
select md5(who)::uuid, 'authenticated', 'authenticated', who || '@data.test'
from unnest(array['leaver', 'keeper', 'missing']) as who;
insert into auth.users (id, aud, role) values (md5('anonymous')::uuid, 'authenticated', 'authenticated');

create function pg_temp.sign_in(who text)
returns void
language sql
as $$
  select set_config('request.jwt.claims', case who when '' then '' else jsonb_build_object('sub', md5(who)::uuid)::text end, true)
$$;

create function pg_temp.error_of(statement text)
returns text
language plpgsql
as $$
declare
  v_detail text;
begin
  execute statement;
  return null;
exception
  when others then
    get stacked diagnostics v_detail = pg_exception_detail;
    return v_detail;
end;
$$;

-- Both users have rows in every table that can have some.
insert into public.coupons (id, code, discount_percent, current_uses)
values (md5('spent')::uuid, 'DATA-SPENT', 10, 0), (md5('unspent')::uuid, 'DATA-UNSPENT', 10, 0);

insert into public.indicators (id, name, category, type, created_by)
select md5(who || ' indicator')::uuid, 'Data ' || who, 'momentum', 'entry', md5(who)::uuid
from unnest(array['leaver', 'keeper']) as who;

insert into public.custom_indicators (id, user_id, name, category, type, pine_script, is_public)
select md5(who || ' custom')::uuid, md5(who)::uuid, 'Data', 'momentum', 'entry', 'plot(close)', true
from unnest(array['leaver', 'keeper']) as who;

insert into public.strategies (id, user_id, name, config)
select md5(who || ' strategy')::uuid, md5(who)::uuid, 'Data', '{}'
from unnest(array['leaver', 'keeper']) as who;

-- Each uses an indicator of their own, and the keeper, as after a fork, one of the leaver's.
insert into public.strategy_components (strategy_id, user_id, indicator_id, is_custom, component_type, position)
values
  (md5('leaver strategy')::uuid, md5('leaver')::uuid, md5('leaver custom')::uuid, true, 'entry', 0),
  (md5('keeper strategy')::uuid, md5('keeper')::uuid, md5('leaver custom')::uuid, true, 'entry', 0),
  (md5('keeper strategy')::uuid, md5('keeper')::uuid, md5('leaver indicator')::uuid, false, 'entry', 1);

insert into public.strategy_versions (strategy_id, user_id, version_number, config)
select md5(who || ' strategy')::uuid, md5(who)::uuid, 1000, '{}'
from unnest(array['leaver', 'keeper']) as who;

insert into public.api_keys (user_id, provider, key_encrypted, key_hint, secret_version)
select md5(who)::uuid, 'openai', 'the ciphertext of ' || who, 'hint', private.current_api_key_secret_version()
from unnest(array['leaver', 'keeper']) as who;

insert into public.api_key_events (user_id, provider, action)
select md5(who)::uuid, 'openai', 'stored'
from unnest(array['leaver', 'keeper']) as who;

-- Some rows of both are in the archive.
select private.archive_key_events(md5(who)::uuid, now() + interval '1 day', 100)
from unnest(array['leaver', 'keeper']) as who;
insert into public.api_key_events (user_id, provider, action)
select md5(who)::uuid, 'openai', 'decrypted'
from unnest(array['leaver', 'keeper']) as who;
select public.grant_credits(md5(who)::uuid, 1), public.charge_credits(md5(who)::uuid, 1),
  private.archive_credits(md5(who)::uuid, now() + interval '1 day', 1)
from unnest(array['leaver', 'keeper']) as who;
set constraints all immediate;
set constraints all deferred;

insert into public.subscriptions (user_id, status, provider, provider_subscription_id, plan_type, current_period_end, ended_at)
values
  (md5('leaver')::uuid, 'canceled', 'stripe', 'sub_data_old', 'premium_monthly', now() - interval '1 year', now() - interval '1 year'),
  (md5('leaver')::uuid, 'active', 'stripe', 'sub_data_new', 'premium_yearly', now() + interval '1 day', null),
  (md5('keeper')::uuid, 'canceled', 'stripe', 'sub_data_keeper', 'premium_monthly', now(), now());

select public.redeem_coupon(md5('leaver')::uuid, 'DATA-SPENT'), public.redeem_coupon(md5('leaver')::uuid, 'DATA-UNSPENT'),
  public.redeem_coupon(md5('keeper')::uuid, 'DATA-SPENT');
update public.user_coupons set applied_at = now() where user_id = md5('leaver')::uuid and coupon_id = md5('spent')::uuid;

-- -------------------------------------------------------------------- the account

update public.users set premium_until = now() + interval '1 day' where id = md5('leaver')::uuid;
select pg_temp.sign_in('leaver');

select is(
  jsonb_build_array(
    public.get_my_account() #> '{user,email}', public.get_my_account() #> '{plan,plan_type}',
    public.get_my_account() #> '{subscription,provider_subscription_id}', public.get_my_account() -> 'credits',
    public.get_my_account() -> 'is_premium', public.get_my_account() -> 'premium_until'
  ),
  jsonb_build_array('leaver@data.test', 'premium_yearly', 'sub_data_new', 5, true, now() + interval '1 day'),
  'an account has its user, plan, running subscription, credits and premium'
);
select set_eq(
  $$select jsonb_object_keys(public.get_my_account())$$,
  array['user', 'plan', 'subscription', 'credits', 'is_premium', 'premium_until'],
  'an account has no other fields'
);

-- A trigger keeps is_premium equal, so that it can only become wrong as time passes.
select private.sweep(now());
alter table public.users disable trigger users_100_copy_is_premium;
update public.users set premium_until = now(), is_premium = true where id = md5('leaver')::uuid;
alter table public.users enable trigger users_100_copy_is_premium;
select is(
  jsonb_build_array(public.get_my_account() -> 'is_premium', public.get_my_account() #> '{user,is_premium}', public.get_my_account() #> '{plan,plan_type}'),
  '[false, false, "free"]', 'premium that has ended is not shown, even before the sweep'
);
select private.sweep(now());
select is((select is_premium from public.users where id = md5('leaver')::uuid), false, 'the sweep corrects is_premium in the row');

select pg_temp.sign_in('keeper');
select is(public.get_my_account() #>> '{subscription,provider_subscription_id}', 'sub_data_keeper', 'if no subscription is running, the last one is shown');

delete from public.users where id = md5('missing')::uuid;
select pg_temp.sign_in('missing');
select is(public.get_my_account() #>> '{user,email}', 'missing@data.test', 'a missing account is created');
select is(public.get_my_account() -> 'subscription', 'null'::jsonb, 'an account without subscriptions shows null');
select pg_temp.sign_in('anonymous');
select is(pg_temp.error_of('select public.get_my_account()'), 'email_required', 'get_my_account refuses a user without an email');
select is(pg_temp.error_of('select public.export_my_data()'), 'email_required', 'export_my_data refuses a user without an email');
select pg_temp.sign_in('');
select is(pg_temp.error_of('select public.get_my_account()'), 'not_authenticated', 'get_my_account refuses a call without a user');
select is(pg_temp.error_of('select public.export_my_data()'), 'not_authenticated', 'export_my_data refuses a call without a user');

-- --------------------------------------------------------------------- the export

select pg_temp.sign_in('leaver');
-- Each section fits one page; the rows are kept by section.
create temporary table exports as
select
  (select jsonb_object_agg(name, public.export_my_data(name) -> 'rows') from jsonb_array_elements_text(p.first -> 'sections') as name) as mine,
  (select jsonb_object_agg(name, public.export_user_data(md5('keeper')::uuid, name) -> 'rows') from jsonb_array_elements_text(p.first -> 'sections') as name) as theirs,
  p.first
from (select public.export_my_data() as first) as p;
select is(
  (select first - 'rows' - 'sections' from exports), '{"section": "users", "next_cursor": null}'::jsonb,
  'without arguments the export returns the first page of the first section'
);
select pg_temp.sign_in('');

select set_eq(
  $$select jsonb_object_keys(mine) from exports$$,
  $$select c.relname::text
    from pg_catalog.pg_class as c
    join pg_catalog.pg_attribute as a on a.attrelid = c.oid and not a.attisdropped
    where c.relkind = 'r'
      and c.relnamespace in ('public'::regnamespace, 'private'::regnamespace)
      and (c.relnamespace = 'public'::regnamespace or c.relname in ('archived_credits', 'archived_key_events'))
      and (a.attname in ('user_id', 'created_by') or c.relname = 'users')$$,
  'the export has a section for every table with rows of users'
);

-- The number of a user's rows in a table, counted without the export.
create function pg_temp.rows_of(table_name text, who text)
returns bigint
language plpgsql
as $$
declare
  v_count bigint;
begin
  execute format(
    'select count(*) from %s where %I = %L', coalesce(to_regclass('public.' || table_name), to_regclass('private.' || table_name)),
    case table_name when 'users' then 'id' when 'indicators' then 'created_by' else 'user_id' end, md5(who)::uuid
  ) into v_count;
  return v_count;
end;
$$;

select results_eq(
  $$select t.name, jsonb_array_length(t.rows)::bigint from exports, jsonb_each(mine) as t (name, rows) order by 1$$,
  $$select name, pg_temp.rows_of(name, 'leaver') from exports, jsonb_object_keys(mine) as name order by 1$$,
  'the export has every row of the user'
);
select is_empty(
  $$select t.name from exports, jsonb_each(mine) as t (name, rows) where jsonb_array_length(t.rows) = 0$$,
  'the test user has rows in every section'
);
select is_empty(
  $$select t.name, r
    from exports, jsonb_each(mine) as t (name, rows), jsonb_array_elements(t.rows) as r
    where case t.name when 'users' then r ->> 'id' when 'indicators' then r ->> 'created_by' else r ->> 'user_id' end
      is distinct from md5('leaver')::uuid::text$$,
  'the export has no row of another user'
);
select is(
  (select position('ciphertext' in mine::text) + position('key_encrypted' in mine::text) from exports), 0, 'the export has no ciphertext'
);
select is((select theirs #>> '{users,0,email}' from exports), 'keeper@data.test', 'export_user_data exports the named user');
select is(pg_temp.error_of($$select public.export_user_data(md5('nobody')::uuid)$$), 'user_not_found', 'export_user_data refuses an unknown user');
select is(pg_temp.error_of('select public.export_user_data(null)'), 'invalid_argument', 'export_user_data needs a user');

-- -------------------------------------------------------------------- the deletion

update auth.users set email_confirmed_at = now() where id = md5('leaver')::uuid;

select is(public.delete_user(md5('leaver')::uuid), '{"deleted": true}'::jsonb, 'a user is deleted');
select is(public.delete_user(md5('leaver')::uuid), '{"deleted": false}'::jsonb, 'deleting a user again changes nothing');
select is_empty($$select from auth.users where id = md5('leaver')::uuid$$, 'the auth user is deleted');
select is(sum(pg_temp.rows_of(name, 'leaver')), 0::numeric, 'every row of the user is deleted')
from exports, jsonb_object_keys(mine) as name;
select results_eq(
  $$select name, pg_temp.rows_of(name, 'keeper') from exports, jsonb_object_keys(mine) as name order by 1$$,
  $$select t.name, jsonb_array_length(t.rows)::bigint from exports, jsonb_each(theirs) as t (name, rows) order by 1$$,
  'no row of another user is deleted'
);
select private.unlink_deleted_indicators(100);
select results_eq(
  $$select position, indicator_name, indicator_id is not null from public.strategy_components where user_id = md5('keeper')::uuid order by 1$$,
  $$values (0, 'Data', false), (1, 'Data leaver', true)$$,
  'a component keeps the name of the deleted user''s custom indicator, and a contributed library indicator stays'
);
select is(pg_temp.error_of('select public.delete_user(null)'), 'invalid_argument', 'delete_user needs a user');
select is(public.delete_user(md5('anonymous')::uuid), '{"deleted": true}'::jsonb, 'an auth user without an account can be deleted');

-- --------------------------------------------------- the record of a deleted user

select is(private.is_deleted_user(md5('leaver')::uuid), true, 'a deleted user is recorded as deleted');
select is(private.is_deleted_user(md5('keeper')::uuid), false, 'an existing user is not recorded as deleted');
select is(private.is_deleted_user(md5('nobody')::uuid), false, 'an unknown user is not recorded as deleted');
select is(private.is_deleted_user(md5('missing')::uuid), false, 'a user whose account was created again is not recorded as deleted');
select is(
  (select position('leaver' in d::text) from private.deleted_users as d where d.user_id = md5('leaver')::uuid), 0,
  'the record of a deleted user does not contain the email'
);
select isnt(
  (select a.email_hash from private.account_emails as a where a.user_id = md5('leaver')::uuid),
  extensions.digest('leaver@data.test', 'sha256'),
  'the email''s hash is not one that anybody could compute'
);

insert into auth.users (id, aud, role, email, email_confirmed_at)
values (md5('returned')::uuid, 'authenticated', 'authenticated', ' LEAVER@data.test', now());
select results_eq(
  $$select u.credits, t.kind, t.delta, t.balance_after
    from public.users as u join public.credit_transactions as t on t.user_id = u.id
    where u.id = md5('returned')::uuid$$,
  $$values (0, 'opening', 0, 0)$$,
  'a user who signs up again with the email gets no opening credits'
);
select results_eq(
  $$select coupon_id, applied_at is not null from public.user_coupons where user_id = md5('returned')::uuid order by 1$$,
  $$select id, true from public.coupons where code in ('DATA-SPENT', 'DATA-UNSPENT') order by 1$$,
  'a user who signs up again has the old redemptions, and they are spent'
);
select is(
  public.redeem_coupon(md5('returned')::uuid, 'DATA-UNSPENT') #>> '{error,code}', 'coupon_already_redeemed', 'a user who signs up again cannot redeem the same coupon'
);
select results_eq(
  $$select c.code, c.current_uses, (select count(*) from public.user_coupons as r where r.coupon_id = c.id)
    from public.coupons as c where c.code like 'DATA-%' order by 1$$,
  $$values ('DATA-SPENT', 2, 2::bigint), ('DATA-UNSPENT', 1, 1::bigint)$$,
  'each coupon has as many uses as redemptions'
);
select is((public.delete_user(md5('returned')::uuid) ->> 'deleted')::boolean, true, 'a user who signed up again can be deleted again');
insert into auth.users (id, aud, role, email) values (md5('again')::uuid, 'authenticated', 'authenticated', 'leaver@data.test');
select is((select credits from public.users where id = md5('again')::uuid), 0, 'a second return gets no opening credits either');
select is((select count(*) from public.user_coupons where user_id = md5('again')::uuid), 2::bigint, 'a second return has the same redemptions');

delete from auth.users where id = md5('keeper')::uuid;
select is(private.is_deleted_user(md5('keeper')::uuid), true, 'deleting an auth user by SQL records the user as deleted');

insert into auth.users (id, aud, role, email) values (md5('new')::uuid, 'authenticated', 'authenticated', 'new@data.test');
select is((select credits from public.users where id = md5('new')::uuid), 5, 'a new email gets five opening credits');

-- Users can be deleted and sign up even without access to Vault or without its key.
create role vaultless;
grant vaultless to current_user;
grant usage, create on schema private to vaultless;
savepoint with_vault;
set local client_min_messages = error;

alter function private.hash_email(text) owner to vaultless;
select is(private.hash_email('new@data.test'), null, 'without access to Vault the hash of an email is null');
select is(public.delete_user(md5('new')::uuid), '{"deleted": true}'::jsonb, 'a user can be deleted without access to Vault');
insert into auth.users (id, aud, role, email) values (md5('vaultless')::uuid, 'authenticated', 'authenticated', 'vaultless@data.test');
select is((select credits from public.users where id = md5('vaultless')::uuid), 5, 'a user can sign up without access to Vault');
rollback to with_vault;
set local client_min_messages = error;

delete from vault.secrets where name = 'deleted_email_key';
select is(public.delete_user(md5('new')::uuid), '{"deleted": true}'::jsonb, 'a user can be deleted without the key in Vault');
insert into auth.users (id, aud, role, email) values (md5('keyless')::uuid, 'authenticated', 'authenticated', 'keyless@data.test');
select is((select credits from public.users where id = md5('keyless')::uuid), 5, 'a user can sign up without the key in Vault');

-- ----------------------------------------------------------------------- the sweep

insert into private.attempts (user_id, bucket, expires_at) values (md5('sweep')::uuid, 'try_coupon', now());
select private.sweep(now());
select is_empty($$select from private.attempts where user_id = md5('sweep')::uuid$$, 'the sweep deletes attempts that have left their window');
select is(private.sweep(now()) -> 'ledger_disagreements', '[]'::jsonb, 'the sweep reports no ledger that adds up');
update public.users set credits = 50 where id = md5('keyless')::uuid;
-- Each sweep checks some of the accounts; this makes the next one begin just before this account.
update private.sweep_state
set user_id = coalesce((select max(u.id::text)::uuid from public.users as u where u.id < md5('keyless')::uuid), '00000000-0000-0000-0000-000000000000');
select is(
  private.sweep(now()) #>> '{ledger_disagreements,0,account_id}', md5('keyless')::uuid::text, 'the sweep reports a ledger that does not add up'
);

select * from finish();

rollback;
