-- Deleting an indicator looks for components that refer to it, and the sweep unlinks them. From the sixth deletion of a
-- session on, Postgres uses one plan for every indicator, which would read the whole table where few indicators are used.
begin;

create extension if not exists pgtap with schema extensions;

select no_plan();

insert into auth.users (id, aud, role, email)
values (md5('owner')::uuid, 'authenticated', 'authenticated', 'owner@deleted.test');

insert into public.indicators (id, name, category, type)
select md5('indicator ' || n)::uuid, 'Deleted test ' || n, 'test', 'entry'
from generate_series(1, 12) as n;

alter table public.strategies disable trigger user;
alter table public.strategy_components disable trigger user;

insert into public.strategies (id, user_id, name, config)
select md5('strategy ' || n)::uuid, md5('owner')::uuid, 'Strategy ' || n, '{}'
from generate_series(1, 200) as n;

insert into public.strategy_components (strategy_id, user_id, indicator_id, indicator_name, component_type, position)
select md5('strategy ' || n)::uuid, md5('owner')::uuid, md5('indicator 1')::uuid, 'Deleted test 1', 'entry', p
from generate_series(1, 200) as n
cross join generate_series(0, 49) as p;

alter table public.strategies enable trigger user;
alter table public.strategy_components enable trigger user;
analyze public.strategy_components;

create function pg_temp.components_read()
returns bigint
language sql
as $$
  select t.seq_tup_read
  from pg_stat_xact_user_tables as t
  where t.relname = 'strategy_components'
$$;

create temporary table read_before as
select pg_temp.components_read() as rows;

do $$
begin
  for v_number in 2..12 loop
    delete from public.indicators where id = md5('indicator ' || v_number)::uuid;
  end loop;
end;
$$;

select is(
  pg_temp.components_read(), (select rows from read_before), 'deleting indicators that no component uses reads no whole table'
);
select is_empty(
  $$select indicator_id from private.deleted_indicators where indicator_id <> md5('indicator 1')::uuid$$,
  'and leaves nothing to unlink'
);

delete from public.indicators where id = md5('indicator 1')::uuid;

select results_eq(
  $$select indicator_id from private.deleted_indicators$$, $$values (md5('indicator 1')::uuid)$$,
  'one that components use is left to the sweep'
);

-- ------------------------------------------------------------------- the sweep

insert into public.indicators (id, name, category, type)
select md5('indicator ' || n)::uuid, 'Deleted test ' || n, 'test', 'entry'
from generate_series(2, 12) as n;

alter table public.strategy_components disable trigger user;
insert into public.strategy_components (strategy_id, user_id, indicator_id, indicator_name, component_type, position)
select md5('strategy 1')::uuid, md5('owner')::uuid, md5('indicator ' || n)::uuid, 'Deleted test ' || n, 'exit', n
from generate_series(2, 12) as n;
alter table public.strategy_components enable trigger user;

delete from private.deleted_indicators;
delete from public.indicators where name like 'Deleted test %';

create function pg_temp.components_fetched()
returns bigint
language sql
as $$
  select t.seq_tup_read + t.idx_tup_fetch
  from pg_stat_xact_user_tables as t
  where t.relname = 'strategy_components'
$$;

create temporary table fetched_before as
select pg_temp.components_fetched() as rows;

select is(private.unlink_deleted_indicators(1000), 11, 'components of deleted indicators are unlinked');
select cmp_ok(
  pg_temp.components_fetched() - (select rows from fetched_before), '<', 1000::bigint,
  'unlinking components of deleted indicators reads those alone, and not the whole table'
);

select * from finish();

rollback;
