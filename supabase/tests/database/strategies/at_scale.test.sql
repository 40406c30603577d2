-- The most frequent requests of an app read no whole table of strategies. Scans are counted by the tables' own counters, which
-- include those inside an RPC. enable_seqscan is off, so that a whole table is read only if no index can be used, whatever the
-- planner's statistics are.
begin;

set local enable_seqscan = off;

create extension if not exists pgtap with schema extensions;

select no_plan();

insert into auth.users (id, aud, role, email)
select md5('scale ' || n)::uuid, 'authenticated', 'authenticated', 'scale' || n || '@scale.test'
from generate_series(1, 200) as n;

update public.users
set premium_until = now() + interval '1 day'
where id = md5('scale 1')::uuid;

alter table public.strategies disable trigger user;
alter table public.strategy_components disable trigger user;

insert into public.strategies (id, user_id, name, description, created_at, is_public, market_type, timeframe, config, current_version)
select
  md5('scale strategy ' || n)::uuid,
  md5('scale ' || (1 + n % 200))::uuid,
  'Scale number ' || n,
  'Follows rule ' || (n % 100),
  now() - n * interval '1 minute',
  n % 10 <> 5,
  (array['futures', 'stocks', 'crypto', 'forex'])[1 + n / 10 % 4],
  (array['1m', '5m', '15m', '1h', '4h', '1d'])[1 + n / 10 % 6],
  '{"risk_per_trade": 0.01}',
  3
from generate_series(1, 6000) as n;

insert into public.strategy_components (strategy_id, user_id, indicator_id, indicator_name, component_type, position)
select s.id, s.user_id, i.id, i.name, t, 0
from public.strategies as s
cross join unnest(array['entry', 'exit']) as t
cross join (select i.id, i.name from public.indicators as i where i.name = 'RSI') as i
where s.name like 'Scale number %';

insert into public.strategy_versions (strategy_id, user_id, version_number, config)
select s.id, s.user_id, v, '{"name": "Earlier", "config": {}, "components": []}'
from public.strategies as s
cross join generate_series(1, 3) as v
where s.name like 'Scale number %';

insert into private.public_strategies (strategy_id, created_at, market_type, timeframe, words)
select s.id, s.created_at, s.market_type, s.timeframe, private.search_words(s.name, null, s.description)
from public.strategies as s
where s.is_public
on conflict do nothing;

alter table public.strategies enable trigger user;
alter table public.strategy_components enable trigger user;
analyze public.strategies, public.strategy_components, public.strategy_versions, private.public_strategies;

-- The number of sequential scans of these tables while a user runs a statement.
create function pg_temp.sequential_scans(statement text)
returns bigint
language plpgsql
as $$
declare
  v_before bigint;
  v_after bigint;
begin
  select sum(t.seq_scan)
  into v_before
  from pg_stat_xact_user_tables as t
  where t.relname in ('strategies', 'strategy_components', 'strategy_versions', 'public_strategies', 'users');

  perform set_config('request.jwt.claims', jsonb_build_object('sub', md5('scale 1')::uuid, 'role', 'authenticated')::text, true);
  perform set_config('role', 'authenticated', true);
  execute statement;
  perform set_config('role', session_user, true);

  select sum(t.seq_scan)
  into v_after
  from pg_stat_xact_user_tables as t
  where t.relname in ('strategies', 'strategy_components', 'strategy_versions', 'public_strategies', 'users');
  return v_after - v_before;
end;
$$;

select cmp_ok(
  pg_temp.sequential_scans($$select count(*) from public.strategy_components where parameters = '{}'$$), '>=', 1::bigint,
  'a query that no index can answer is counted'
);

create temporary table requests (id integer generated always as identity, request text, statement text);

-- Strategy 200 belongs to the first user and is public; 10 belongs to another and is public.
insert into requests (request, statement)
values
  ('get_strategy, own', $$select public.get_strategy(md5('scale strategy 200')::uuid)$$),
  ('get_strategy, another''s', $$select public.get_strategy(md5('scale strategy 10')::uuid)$$),
  ('list_public_strategies', $$select public.list_public_strategies()$$),
  ('list_public_strategies, a later page',
    $$select public.list_public_strategies(cursor => public.list_public_strategies(page_size => 100) ->> 'next_cursor')$$),
  ('list_public_strategies, a market', $$select public.list_public_strategies(market_type => 'crypto', timeframe => '1h')$$),
  ('list_public_strategies, a search', $$select public.list_public_strategies(search => 'number 2220')$$),
  ('list_public_strategies, a search without hits', $$select public.list_public_strategies(search => 'zebra')$$),
  ('list_public_strategies, a common word', $$select public.list_public_strategies(search => 'scale')$$),
  ('save_strategy, new', $$select public.save_strategy(name => 'New', config => '{}', components => '[{"component_type": "exit"}]')$$),
  ('save_strategy, a change',
    $$select public.save_strategy(strategy_id => md5('scale strategy 200')::uuid, name => 'Changed', components => '[]', expected_version => 3)$$),
  ('restore_strategy_version', $$select public.restore_strategy_version(md5('scale strategy 200')::uuid, 2)$$),
  ('fork_strategy', $$select public.fork_strategy(md5('scale strategy 10')::uuid)$$),
  ('the own list', $$select id, name from public.strategies where user_id = md5('scale 1')::uuid order by updated_at desc limit 50$$),
  ('opening one with its components',
    $$select s.id, c.agg from public.strategies as s left join lateral (
        select json_agg(c1) as agg from (select c2.* from public.strategy_components as c2 where c2.strategy_id = s.id) as c1
      ) as c on true where s.id = md5('scale strategy 10')::uuid$$),
  ('the public page', $$select id, name from public.strategies where is_public = true order by created_at desc limit 20$$),
  ('the versions of one', $$select version_number, notes from public.strategy_versions where strategy_id = md5('scale strategy 200')::uuid order by version_number desc$$),
  ('a change of a strategy', $$update public.strategies set name = 'x' where id = md5('scale strategy 400')::uuid$$),
  ('a change of a component', $$update public.strategy_components set parameters = '{"length": 5}' where strategy_id = md5('scale strategy 400')::uuid and component_type = 'entry'$$),
  ('a deletion', $$delete from public.strategies where id = md5('scale strategy 400')::uuid$$);

select is(pg_temp.sequential_scans(r.statement), 0::bigint, format('%s reads no whole table', r.request))
from requests as r
order by r.id;

select * from finish();

rollback;
