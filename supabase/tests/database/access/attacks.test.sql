-- Attacks that earlier versions allowed: JSON that renders as gigabytes of text, errors that reveal private rows to a
-- stranger, ids of deleted rows, deletions that write strangers' rows, and credits for the same person again.
begin;

create extension if not exists pgtap with schema extensions;

select no_plan();

insert into auth.users (id, aud, role, email)
select md5(who)::uuid, 'authenticated', 'authenticated', who || '@attacks.test'
from unnest(array['owner', 'stranger', 'author']) as who;

update public.users
set premium_until = now() + interval '1 day'
where id in (md5('owner')::uuid, md5('author')::uuid);

insert into public.custom_indicators (id, user_id, name, category, type, pine_script, is_public, parameters)
select md5(name)::uuid, md5('author')::uuid, name, 'x', 'entry', 'plot(close)', name <> 'Secret',
  '{"type": "object", "properties": {"length": {"type": "integer", "minimum": 1, "default": 14}}, "additionalProperties": false}'
from unnest(array['Secret', 'Hidden later', 'Doomed']) as name;

insert into public.strategies (id, user_id, name, config, is_public)
select md5(who || ' strategy')::uuid, md5(who)::uuid, who, '{}', who = 'author'
from unnest(array['owner', 'stranger', 'author']) as who;

insert into public.strategy_components (id, strategy_id, user_id, indicator_id, is_custom, component_type, position, parameters)
values
  (md5('component')::uuid, md5('owner strategy')::uuid, md5('owner')::uuid, null, false, 'exit', 0, '{}'),
  (md5('later')::uuid, md5('owner strategy')::uuid, md5('owner')::uuid, md5('Hidden later')::uuid, true, 'entry', 0, '{}'),
  (md5('secret')::uuid, md5('author strategy')::uuid, md5('author')::uuid, md5('Secret')::uuid, true, 'entry', 0, '{}'),
  (md5('doomed 1')::uuid, md5('owner strategy')::uuid, md5('owner')::uuid, md5('Doomed')::uuid, true, 'entry', 1, '{"length": 5}'),
  (md5('doomed 2')::uuid, md5('stranger strategy')::uuid, md5('stranger')::uuid, md5('Doomed')::uuid, true, 'entry', 0, '{}');

set constraints all immediate;
set constraints all deferred;

-- The outcome of a statement of a user: 'done', the identifier of an error, or the SQLSTATE.
create function pg_temp.outcome(who text, statement text, client text default null)
returns text
language plpgsql
as $$
declare
  v_detail text;
  v_outcome text := 'done';
begin
  perform set_config(
    'request.jwt.claims',
    jsonb_strip_nulls(jsonb_build_object('role', 'authenticated', 'sub', md5(who)::uuid, 'client_id', client))::text,
    true
  );
  perform set_config('role', 'authenticated', true);
  begin
    execute statement;
    set constraints all immediate;
    raise exception using errcode = 'UNDO0';
  exception
    when sqlstate 'UNDO0' then null;
    when others then
      get stacked diagnostics v_detail = pg_exception_detail;
      v_outcome := case when sqlstate like 'PT%' then v_detail else sqlstate end;
  end;
  perform set_config('role', session_user, true);
  perform set_config('request.jwt.claims', '', true);
  return v_outcome;
end;
$$;

-- ------------------------------------------------- numbers that render as gigabytes
-- jsonb stores each of these numbers in a few bytes. {json} is a document that contains one.

create temporary table writes (target text, statement text);

insert into writes
values
  ('users.preferences', $$update public.users set preferences = '{json}' where id = md5('owner')::uuid$$),
  ('strategies.config, new', $$insert into public.strategies (name, config) values ('x', '{json}')$$),
  ('strategies.config, changed', $$update public.strategies set config = '{json}' where id = md5('owner strategy')::uuid$$),
  ('strategy_components.parameters, new',
    $$insert into public.strategy_components (strategy_id, component_type, position, parameters) values (md5('owner strategy')::uuid, 'trend', 0, '{json}')$$),
  ('strategy_components.parameters, changed', $$update public.strategy_components set parameters = '{json}' where id = md5('component')::uuid$$),
  ('save_strategy, config', $$select public.save_strategy('x', '{json}')$$),
  ('save_strategy, parameters', $$select public.save_strategy('x', '{}', '[{"component_type": "trend", "parameters": {json}}]')$$);

select is(
  pg_temp.outcome('owner', replace(w.statement, '{json}', format('{"a": [{"b": %s}]}', n.number))),
  'invalid_argument',
  format('%s refuses %s', w.target, n.number)
)
from writes as w
cross join unnest(array['1e131071', '-1e309', '1e-16383', '1e-325', '-1e-325', '0e-16383', '1.8e308']) as n (number);

select is(
  pg_temp.outcome('owner', replace(w.statement, '{json}', format('{"a": [{"b": %s}], "1e131071": "1e131071"}', n.number))),
  'done',
  format('%s accepts %s', w.target, n.number)
)
from writes as w
cross join unnest(array['1.7976931348623157e308', '-1.7976931348623157e308', '5e-324', '-5e-324', '0', '0.000', '-12.5']) as n (number);

select is(
  pg_temp.outcome('owner', format($$insert into public.custom_indicators (name, category, type, pine_script, parameters) values ('x', 'x', 'entry', 'x', %L)$$,
    format('{"type": "object", "properties": {"a": {"type": "number", "%s": 1e131071}}}', keyword))),
  'invalid_argument',
  format('custom_indicators.parameters refuses 1e131071 as %s', keyword)
)
from unnest(array['minimum', 'maximum', 'multipleOf', 'default']) as keyword;
select is(
  pg_temp.outcome('owner', $$select public.save_strategy('x', '{}', '[{"component_type": "trend", "position": 1e131071}]')$$),
  'invalid_argument', 'a component''s position must be a number that fits'
);

-- Ten times the limit, in numbers of 300 digits each. The size in memory must be checked first: the last number would be
-- refused as a number.
select is(
  pg_temp.outcome('owner', replace(w.statement, '{json}', format('{"a": [%s1e131071]}', repeat('1e308, ', 60000)))),
  case when w.target like 'save%' then 'invalid_argument' else '23514' end,
  format('%s refuses a large document for its size', w.target)
)
from writes as w;

select throws_like(
  format(
    'select private.read_components(%L)',
    format('[{"component_type": "trend"}, {"component_type": "trend", "parameters": {"a": [%s1e131071]}}]', repeat('0, ', 9000))
  ),
  'Correct "parameters" of component 1.%', 'parameters that are too large are refused before their numbers are checked'
);

select throws_like(
  $$select private.read_components('[{"component_type": "trend", "parameters": {"a": 1e131071}}]')$$,
  'Give only numbers that fit double precision in components.', 'numbers are checked before a component''s field is rendered as text'
);

-- The whole document: config is within 64 KiB and each component within 8 KiB.
select is(
  pg_temp.outcome(
    'owner',
    format(
      $$select public.save_strategy('x', %L, %L)$$,
      jsonb_build_object('a', repeat('x', 65000)),
      (
        select jsonb_agg(jsonb_build_object('component_type', 'entry', 'parameters', jsonb_build_object('a', repeat('x', 8000))))
        from generate_series(1, c.components)
      )
    )
  ),
  c.expected,
  format('a document of 64 KiB and %s components of 8 KiB: %s', c.components, c.expected)
)
from (values (7, 'done'), (9, 'invalid_argument')) as c (components, expected);

-- ------------------------------------------------- errors that reveal private rows

select is(
  pg_temp.outcome(
    'stranger',
    format(
      $$insert into public.strategy_components (strategy_id, indicator_id, is_custom, component_type, position, parameters)
        values (md5('owner strategy')::uuid, %L, true, 'entry', 7, %L)$$,
      i.indicator, i.parameters
    )
  ),
  i.expected,
  format('a stranger who adds %s to another''s strategy gets %s', i.what, i.expected)
)
from (
  values
    ('a public indicator', md5('Doomed')::uuid, '{}', '42501'),
    ('a public indicator with wrong parameters', md5('Doomed')::uuid, '{"length": 0}', 'invalid_parameters'),
    ('a private indicator', md5('Secret')::uuid, '{}', 'indicator_not_found'),
    ('a private indicator with wrong parameters', md5('Secret')::uuid, '{"length": 0}', 'indicator_not_found'),
    ('no indicator', md5('nothing')::uuid, '{}', 'indicator_not_found')
) as i (what, indicator, parameters, expected);
select is(
  pg_temp.outcome(
    'owner',
    format(
      $$insert into public.strategy_components (strategy_id, indicator_id, is_custom, component_type, position)
        values (md5('owner strategy')::uuid, %L, true, 'entry', 7)$$,
      i.indicator
    ),
    'some client'
  ),
  '42501',
  format('an OAuth client that is not trusted is refused before %s is looked up', i.what)
)
from (values ('a public indicator', md5('Doomed')::uuid), ('a private one', md5('Secret')::uuid)) as i (what, indicator);
select is(
  pg_temp.outcome('stranger', $$insert into public.custom_indicators (user_id, name, category, type, pine_script) values (md5('author')::uuid, 'Secret', 'x', 'entry', 'x')$$),
  '42501', 'a row with another user''s id is refused by the policy before anything is looked up'
);

update public.custom_indicators set is_public = false where id = md5('Hidden later')::uuid;

select is(
  pg_temp.outcome('owner', format($$update public.strategy_components set parameters = %L where id = md5('later')::uuid$$, p.parameters)),
  'done',
  format('the schema of a hidden indicator is not revealed by trying %s', p.parameters)
)
from unnest(array['{"length": 2}', '{"length": 0}', '{"other": 1}']) as p (parameters);
select is(
  pg_temp.outcome('owner', $$update public.strategy_components set position = 5 where id = md5('later')::uuid$$),
  'done', 'a component whose indicator was hidden can be moved'
);

select set_config('request.jwt.claims', jsonb_build_object('role', 'authenticated', 'sub', md5('stranger')::uuid)::text, true);
select is(
  public.get_strategy(md5('author strategy')::uuid) #> '{components,0,parameters}', '{}'::jsonb,
  'a reader does not get the defaults of an indicator that they may not see'
);
select set_config('request.jwt.claims', jsonb_build_object('role', 'authenticated', 'sub', md5('author')::uuid)::text, true);
select is(
  public.get_strategy(md5('author strategy')::uuid) #> '{components,0,parameters}', '{"length": 14}'::jsonb,
  'the author of a private indicator gets its defaults'
);
select set_config('request.jwt.claims', '', true);

-- ------------------------------------------------------------------ ids of deleted rows

select is(pg_temp.outcome('owner', i.statement), '42501', format('a client cannot choose an id in %s', i.table_name))
from (
  values
    ('strategies', $$insert into public.strategies (id, name, config) values (gen_random_uuid(), 'x', '{}')$$),
    ('custom_indicators', $$insert into public.custom_indicators (id, name, category, type, pine_script) values (gen_random_uuid(), 'x', 'x', 'entry', 'x')$$),
    ('strategy_components', $$insert into public.strategy_components (id, strategy_id, component_type, position) values (gen_random_uuid(), md5('owner strategy')::uuid, 'trend', 3)$$)
) as i (table_name, statement);

-- -------------------------------------------------------------------------- deletions

alter table public.strategies disable trigger user;
alter table public.strategy_components disable trigger user;
update public.strategies set updated_at = '2026-01-01';
update public.strategy_components set updated_at = '2026-01-01';
alter table public.strategies enable trigger user;
alter table public.strategy_components enable trigger user;

create temporary table before as
select c.id, c.ctid as place, s.ctid as strategy_place, s.current_version
from public.strategy_components as c
join public.strategies as s on s.id = c.strategy_id
where c.indicator_id = md5('Doomed')::uuid;

delete from auth.users where id = md5('author')::uuid;
set constraints all immediate;
set constraints all deferred;

select results_eq(
  $$select c.ctid, s.ctid, s.current_version
    from public.strategy_components as c
    join public.strategies as s on s.id = c.strategy_id
    join before as b on b.id = c.id
    order by c.id$$,
  $$select place, strategy_place, current_version from before order by id$$,
  'deleting an author writes no row of users of the author''s indicators'
);
select is(
  private.complete_strategy_document(private.strategy_document(md5('owner strategy')::uuid)) #> '{components,1}',
  '{"component_type": "entry", "position": 1, "is_custom": true, "indicator_id": null, "indicator_name": "Doomed", "parameters": {"length": 5}}',
  'documents show a deleted indicator without its id at once'
);
select is(
  pg_temp.outcome('owner', $$insert into public.strategy_components (strategy_id, indicator_id, is_custom, component_type, position) values (md5('owner strategy')::uuid, md5('Doomed')::uuid, true, 'trend', 9)$$),
  'indicator_not_found', 'no component can be linked to a deleted indicator'
);
create temporary table steps as
select private.unlink_deleted_indicators(1) as unlinked
from generate_series(1, 3);
select is((select max(unlinked) from steps), 1, 'no more components are unlinked at a time than the given number');
select is(
  (private.sweep(now()) ->> 'unlinked')::integer, 3 - (select sum(unlinked) from steps)::integer,
  'the sweep unlinks the remaining components'
);
select is(private.unlink_deleted_indicators(100), 0, 'after the sweep no component is left to unlink');
select is_empty('select from private.deleted_indicators', 'after the sweep no deleted indicator is recorded any more');
set constraints all immediate;
select is_empty(
  $$select from public.strategy_components as c
    join public.strategies as s on s.id = c.strategy_id
    join before as b on b.id = c.id
    where c.indicator_id is not null
      or c.updated_at <> '2026-01-01'
      or s.updated_at <> '2026-01-01'
      or s.current_version <> b.current_version$$,
  'unlinking changes no updated_at and makes no version'
);

-- ----------------------------------------------------- credits for the same person

insert into public.coupons (code, discount_percent) values ('FARM-1', 10), ('FARM-2', 10);

-- Signs up, or changes the email of an account, as Auth does.
create function pg_temp.sign_up(who text, email text, confirmed boolean default true, by_sso boolean default false)
returns void
language sql
as $$
  insert into auth.users (id, aud, role, email, email_confirmed_at, is_sso_user)
  values (md5(who)::uuid, 'authenticated', 'authenticated', email, case when confirmed then now() end, by_sso)
  on conflict (id) do update set email = excluded.email, email_confirmed_at = excluded.email_confirmed_at
$$;
create function pg_temp.credits_of(who text)
returns integer
language sql
as $$
  select credits from public.users where id = md5(who)::uuid
$$;

select pg_temp.sign_up('farmer', 'first@farm.test');
select is(pg_temp.credits_of('farmer'), 5, 'an account with a new email has five credits');
select is(public.redeem_coupon(md5('farmer')::uuid, 'FARM-1') ->> 'ok', 'true', 'a new account can redeem a coupon');
select private.remember_use('trial', md5('farmer')::uuid);
select pg_temp.sign_up('farmer', 'second@farm.test');
select is((public.delete_user(md5('farmer')::uuid) ->> 'deleted')::boolean, true, 'an account that has changed its email is deleted');

select pg_temp.sign_up('back ' || n, email)
from unnest(array['First@Farm.test', 'second@farm.test']) with ordinality as e (email, n);
select is(pg_temp.credits_of('back ' || n), 0, format('email %s of the deleted account gets no opening credits again', n))
from generate_series(1, 2) as n;
select is(
  public.redeem_coupon(md5('back ' || n)::uuid, 'FARM-1') #>> '{error,code}', 'coupon_already_redeemed',
  format('email %s of the deleted account cannot redeem its coupon again', n)
)
from generate_series(1, 2) as n;
select is(private.person_used('trial', md5('back ' || n)::uuid), true, format('email %s of the deleted account has no trial again', n))
from generate_series(1, 2) as n;
select is(public.redeem_coupon(md5('back 1')::uuid, 'FARM-2') ->> 'ok', 'true', 'a coupon that was not used before the deletion can be redeemed');

select pg_temp.sign_up('mover', 'mover@farm.test');
select public.redeem_coupon(md5('mover')::uuid, 'FARM-2');
select pg_temp.sign_up('mover', 'moved@farm.test');
select pg_temp.sign_up('second account', 'mover@farm.test');
select is(pg_temp.credits_of('second account'), 0, 'an account with an email that another account has given up has no opening credits');
select is(
  public.redeem_coupon(md5('second account')::uuid, 'FARM-2') #>> '{error,code}', 'coupon_already_redeemed',
  'an account with an email that another account has given up cannot redeem that account''s coupons'
);

select pg_temp.sign_up('prankster', 'victim@farm.test', confirmed => false);
delete from auth.users where id = md5('prankster')::uuid;
select pg_temp.sign_up('victim', 'victim@farm.test');
select is(pg_temp.credits_of('victim'), 5, 'an unconfirmed sign-up does not use up an email''s opening credits');
select is(private.person_used('trial', md5('victim')::uuid), false, 'an unconfirmed sign-up does not use up an email''s trial');
select is_empty(
  $$select from private.account_emails as a where position('farm.test'::bytea in a.email_hash) > 0$$, 'no email is stored in plaintext after a deletion'
);
select results_eq(
  $$select a.email_hash from private.account_emails as a where a.user_id = md5('victim')::uuid$$,
  $$select extensions.hmac('victim@farm.test', s.decrypted_secret, 'sha256')
    from vault.decrypted_secrets as s
    where s.name = 'deleted_email_key'$$,
  'the hash of an email depends on a key in Vault'
);

-- ---------------------------------- an unconfirmed sign-up with somebody else's email

set client_min_messages = error;
select pg_temp.sign_up('squatter', 'owner@company.test', confirmed => false);
select is(pg_temp.credits_of('squatter'), 5, 'an unconfirmed sign-up has an account');
select pg_temp.sign_up('employee', 'owner@company.test', by_sso => true);
select is(pg_temp.credits_of('employee'), 5, 'a confirmed owner of an email gets the account in place of an unconfirmed sign-up');
select is(pg_temp.credits_of('squatter'), null, 'the unconfirmed sign-up loses its account then');
select is(pg_temp.outcome('employee', 'select public.get_my_account()'), 'done', 'the confirmed owner can use the account');

update auth.users set email_confirmed_at = now(), last_sign_in_at = now() where id = md5('squatter')::uuid;
select is(pg_temp.credits_of('employee'), 5, 'an unconfirmed sign-up that confirms later does not get the account back');

select pg_temp.sign_up('colleague', 'colleague@company.test');
select pg_temp.sign_up('colleague by sso', 'colleague@company.test', by_sso => true);
select is(pg_temp.credits_of('colleague'), 5, 'a confirmed account is not given to a single sign-on user');
select is(pg_temp.credits_of('colleague by sso'), null, 'a single sign-on user gets no account for the email of a confirmed account');

select pg_temp.sign_up('holder', 'holder@company.test', confirmed => false);
update public.users set email = 'other@company.test' where id = md5('holder')::uuid;
select pg_temp.sign_up('newcomer', 'other@company.test', confirmed => false);
select is(pg_temp.credits_of('holder'), 5, 'an unconfirmed sign-up does not get another user''s account');

select pg_temp.sign_up('sso first', 'sso@company.test', confirmed => false, by_sso => true);
select pg_temp.sign_up('plain later', 'sso@company.test');
select is(pg_temp.credits_of('sso first'), 5, 'a sign-up with a password does not get the account of a single sign-on user');

select pg_temp.sign_up('signed in', 'in@company.test', confirmed => false);
update auth.users set last_sign_in_at = now() where id = md5('signed in')::uuid;
select pg_temp.sign_up('in by sso', 'in@company.test', by_sso => true);
select is(pg_temp.credits_of('signed in'), 5, 'the account of a user who has signed in is not given to another');

select pg_temp.sign_up('late', 'late@company.test', confirmed => false);
select pg_temp.sign_up('late owner', 'late@company.test', confirmed => false, by_sso => true);
select is(pg_temp.credits_of('late owner'), 5, 'a single sign-on user counts as confirmed');

select * from finish();

rollback;
