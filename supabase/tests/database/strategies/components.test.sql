-- Components: their indicator exists and is visible, or is null; their owner is the strategy's; a strategy has at most 64; and
-- a change of one sets the strategy's updated_at.
begin;

create extension if not exists pgtap with schema extensions;

select plan(39);

insert into auth.users (id, aud, role, email)
values
  (md5('owner')::uuid, 'authenticated', 'authenticated', 'owner@components.test'),
  (md5('other')::uuid, 'authenticated', 'authenticated', 'other@components.test');

insert into public.indicators (id, name, category, type, is_public, created_by)
values
  (md5('public')::uuid, 'Components public', 'momentum', 'entry', true, null),
  (md5('hidden')::uuid, 'Components hidden', 'momentum', 'entry', false, null),
  (md5('own')::uuid, 'Components own', 'momentum', 'entry', false, md5('owner')::uuid);

insert into public.custom_indicators (id, user_id, name, category, type, pine_script, is_public)
values
  (md5('own custom')::uuid, md5('owner')::uuid, 'Own custom', 'momentum', 'exit', 'x', false),
  (md5('shared custom')::uuid, md5('other')::uuid, 'Shared custom', 'momentum', 'exit', 'x', true),
  (md5('other custom')::uuid, md5('other')::uuid, 'Other custom', 'momentum', 'exit', 'x', false);

insert into public.strategies (id, user_id, name, config, updated_at)
values
  (md5('strategy')::uuid, md5('owner')::uuid, 'Mine', '{}', '2026-01-01'),
  (md5('full')::uuid, md5('owner')::uuid, 'Full', '{}', '2026-01-01'),
  (md5('others')::uuid, md5('other')::uuid, 'Another''s', '{}', '2026-01-01');

create function pg_temp.add(in_position integer, in_indicator text, in_is_custom boolean)
returns text
language sql
return format(
  'insert into public.strategy_components (id, strategy_id, user_id, indicator_id, is_custom, component_type, position) '
    'values (md5(%L)::uuid, md5(''strategy'')::uuid, md5(''owner'')::uuid, md5(%L)::uuid, %L, ''entry'', %s)',
  in_indicator, in_indicator, in_is_custom, in_position
);

create function pg_temp.component(in_name text)
returns table (indicator_id uuid, indicator_name text)
language sql
as $$
  select c.indicator_id, c.indicator_name
  from public.strategy_components as c
  where c.id = md5(in_name)::uuid
$$;

-- ------------------------------------------------------- what an indicator_id means

select lives_ok(pg_temp.add(0, 'public', false), 'a public indicator can be used');
select results_eq(
  $$select * from pg_temp.component('public')$$,
  $$values (md5('public')::uuid, 'Components public')$$,
  'a component stores its indicator''s name'
);
select lives_ok(pg_temp.add(1, 'own', false), 'an indicator that the owner contributed can be used');
select lives_ok(pg_temp.add(2, 'own custom', true), 'a custom indicator of the owner''s can be used');
select results_eq(
  $$select * from pg_temp.component('own custom')$$,
  $$values (md5('own custom')::uuid, 'Own custom')$$,
  'a component stores its custom indicator''s name'
);
select lives_ok(pg_temp.add(3, 'shared custom', true), 'a public custom indicator of another''s can be used');

select throws_ok(pg_temp.add(9, 'nothing', false), 'PT404', null, 'an indicator that does not exist is not found');
select throws_ok(pg_temp.add(9, 'nothing', true), 'PT404', null, 'a custom indicator that does not exist is not found');
select throws_ok(pg_temp.add(9, 'hidden', false), 'PT404', null, 'a private library indicator is not found');
select throws_ok(pg_temp.add(9, 'other custom', true), 'PT404', null, 'another''s private custom indicator is not found');
select throws_ok(pg_temp.add(9, 'own custom', false), 'PT404', null, 'a custom indicator''s id without is_custom is not found');
select throws_ok(pg_temp.add(9, 'public', true), 'PT404', null, 'a library indicator''s id with is_custom is not found');
select throws_ok(
  $$update public.strategy_components set indicator_id = md5('hidden')::uuid where id = md5('public')::uuid$$,
  'PT404', null, 'a component cannot be changed to a private indicator'
);
select throws_ok(
  $$update public.strategy_components set is_custom = true where id = md5('public')::uuid$$,
  'PT404', null, 'a component''s is_custom cannot be changed alone'
);

create function pg_temp.details_of(statement text)
returns text[]
language plpgsql
as $$
declare
  v_detail text;
  v_hint text;
begin
  execute statement;
  return null;
exception
  when others then
    get stacked diagnostics v_detail = pg_exception_detail, v_hint = pg_exception_hint;
    return array[v_detail, v_hint];
end;
$$;

select is(
  pg_temp.details_of(pg_temp.add(9, 'nothing', false)),
  array['indicator_not_found', format('{"is_custom": false, "indicator_id": "%s"}', md5('nothing')::uuid)],
  'the error has its identifier and facts'
);
select is(
  (pg_temp.details_of(pg_temp.add(9, 'other custom', true)))[1], 'indicator_not_found',
  'a private and a missing indicator get the same error'
);

-- ---------------------------------------------------------- a deleted indicator

delete from public.indicators where id = md5('public')::uuid;

select results_eq(
  $$select c ->> 'indicator_id', c ->> 'indicator_name'
    from jsonb_array_elements(private.strategy_document(md5('strategy')::uuid) -> 'components') as c
    where c -> 'position' = '0'$$,
  $$values (null, 'Components public')$$,
  'after a library indicator is deleted, documents show only its name at once'
);
select is(private.unlink_deleted_indicators(100), 1, 'the sweep unlinks the component of a deleted indicator');
select is(private.unlink_deleted_indicators(100), 0, 'the next sweep unlinks nothing');
select results_eq(
  $$select * from pg_temp.component('public')$$,
  $$values (null::uuid, 'Components public')$$,
  'an unlinked component keeps the indicator''s name'
);

update public.strategy_components set position = 40, parameters = '{"a": 1}' where id = md5('public')::uuid;
select is(
  (select indicator_name from pg_temp.component('public')), 'Components public',
  'an unlinked component keeps the name when it is changed'
);

delete from auth.users where id = md5('other')::uuid;
update public.strategy_components set parameters = '{"b": 2}' where id = md5('shared custom')::uuid;

select results_eq(
  $$select * from pg_temp.component('shared custom')$$,
  $$values (null::uuid, 'Shared custom')$$,
  'a change of a component whose custom indicator was deleted with its user unlinks it, and keeps the name'
);

update public.custom_indicators set name = 'Renamed' where id = md5('own custom')::uuid;
select is((select indicator_name from pg_temp.component('own custom')), 'Own custom', 'renaming an indicator does not change the stored name');
select lives_ok(
  $$update public.strategy_components set parameters = '{}', position = 41 where id = md5('own custom')::uuid$$,
  'a component can be changed after its indicator was renamed'
);

-- ----------------------------------------------------------------------- the owner

insert into public.strategy_components (id, strategy_id, component_type, position)
values (md5('unnamed')::uuid, md5('strategy')::uuid, 'exit', 0);

select is(
  (select user_id from public.strategy_components where id = md5('unnamed')::uuid), md5('owner')::uuid,
  'a component without a user gets the strategy''s owner'
);
select throws_ok(
  $$insert into public.strategy_components (strategy_id, user_id, component_type, position) values (md5('strategy')::uuid, md5('somebody')::uuid, 'exit', 1)$$,
  '23503', null, 'a component with another owner than its strategy is refused'
);
select throws_ok(
  $$update public.strategy_components set user_id = md5('somebody')::uuid where id = md5('unnamed')::uuid$$,
  '23503', null, 'a component''s owner cannot be changed'
);
select throws_ok(
  $$insert into public.strategy_versions (strategy_id, user_id, version_number, config) values (md5('strategy')::uuid, md5('somebody')::uuid, 1000, '{}')$$,
  '23503', null, 'a version with another owner than its strategy is refused'
);

-- --------------------------------------------------------------------- the strategy

create function pg_temp.sets_updated_at(statement text)
returns boolean
language plpgsql
as $$
begin
  alter table public.strategies disable trigger strategies_set_updated_at;
  update public.strategies set updated_at = '2026-01-01' where id = md5('strategy')::uuid;
  alter table public.strategies enable trigger strategies_set_updated_at;
  execute statement;
  return (select s.updated_at = now() from public.strategies as s where s.id = md5('strategy')::uuid);
end;
$$;

select ok(
  pg_temp.sets_updated_at($$insert into public.strategy_components (id, strategy_id, component_type, position) values (md5('mover')::uuid, md5('strategy')::uuid, 'trend', 0)$$),
  'a new component sets the strategy''s updated_at'
);
select ok(
  pg_temp.sets_updated_at($$update public.strategy_components set position = 1 where id = md5('mover')::uuid$$),
  'a changed component sets the strategy''s updated_at'
);
select ok(pg_temp.sets_updated_at($$delete from public.strategy_components where id = md5('mover')::uuid$$), 'a deleted component sets the strategy''s updated_at');
select ok(
  not pg_temp.sets_updated_at($$update public.strategies set name = name where id = md5('strategy')::uuid$$),
  'an update that changes nothing does not set updated_at'
);

-- ------------------------------------------------------------------ order and number

insert into public.strategy_components (strategy_id, component_type, position)
select md5('full')::uuid, (array['trend', 'entry', 'exit', 'stop_loss'])[1 + n % 4], n / 4
from generate_series(0, 63) as n;

select is((select count(*) from public.strategy_components where strategy_id = md5('full')::uuid), 64::bigint, 'a strategy can have 64 components');
select throws_ok(
  $$insert into public.strategy_components (strategy_id, component_type, position) values (md5('full')::uuid, 'trend', 16)$$,
  '23514', 'A strategy has at most 64 components.', 'a 65th component is refused'
);
select throws_ok(
  $$update public.strategy_components set strategy_id = md5('full')::uuid, component_type = 'trend', position = 17 where id = md5('unnamed')::uuid$$,
  '23514', null, 'a 65th component that is moved from another strategy is refused'
);
select lives_ok(
  $$update public.strategy_components set position = 1 - position where strategy_id = md5('full')::uuid and position in (0, 1)$$,
  'one statement can swap positions'
);
select throws_ok(
  $$insert into public.strategy_components (strategy_id, component_type, position) values (md5('strategy')::uuid, 'exit', 0)$$,
  '23505', null, 'two components of a type at one position are refused'
);

delete from public.strategies where id = md5('full')::uuid;
select is_empty($$select from public.strategy_components where strategy_id = md5('full')::uuid$$, 'components are deleted with their strategy');

delete from auth.users where id = md5('owner')::uuid;
select is_empty(
  $$select from public.strategy_components where user_id = md5('owner')::uuid
    union all select from public.strategies where user_id = md5('owner')::uuid
    union all select from public.custom_indicators where user_id = md5('owner')::uuid$$,
  'strategies, components and custom indicators are deleted with their user'
);

select * from finish();

rollback;
