-- Forks: author, source and number of forks as readers see them, and forks of a deleted source. Components that are given by
-- name.
begin;

create extension if not exists pgtap with schema extensions;

select plan(24);

insert into auth.users (id, aud, role, email)
select md5(who)::uuid, 'authenticated', 'authenticated', who || '@forks.test'
from unnest(array['author', 'reader', 'other']) as who;

update public.users set public_name = 'Ada' where id = md5('author')::uuid;

create function pg_temp.act_as(who text)
returns void
language sql
as $$
  select set_config('request.jwt.claims', json_build_object('sub', md5(who)::uuid, 'role', 'authenticated')::text, true);
$$;

create temporary table made (name text primary key, id uuid);
grant select, insert on made to authenticated;

select pg_temp.act_as('author');
insert into made
select 'source', (public.save_strategy(name => 'Source', config => '{}', is_public => true) ->> 'strategy_id')::uuid;

select pg_temp.act_as('reader');
insert into made
select 'fork', (public.fork_strategy((select id from made where name = 'source')) ->> 'strategy_id')::uuid;
insert into made
select 'second', (public.fork_strategy((select id from made where name = 'source')) ->> 'strategy_id')::uuid;

create function pg_temp.id_of(name text)
returns uuid
language sql
stable
return (select m.id from made as m where m.name = id_of.name);

create function pg_temp.listed(strategy_id uuid)
returns jsonb
language sql
stable
return (
  select i.item
  from jsonb_array_elements(public.list_public_strategies(page_size => 100) -> 'items') as i (item)
  where i.item ->> 'strategy_id' = listed.strategy_id::text
);

select is(public.get_strategy(pg_temp.id_of('source')) ->> 'author', 'Ada', 'a document has its author''s public name');
select is(public.get_strategy(pg_temp.id_of('fork')) -> 'author', 'null', 'the author is null without a public name');
select is(
  public.get_strategy(pg_temp.id_of('fork')) ->> 'forked_from', pg_temp.id_of('source')::text, 'a fork has its source'
);
select is(public.get_strategy(pg_temp.id_of('source')) -> 'forked_from', 'null', 'a strategy that is no fork has no source');
select is(pg_temp.listed(pg_temp.id_of('source')) ->> 'author', 'Ada', 'the public page has the author');
select is(pg_temp.listed(pg_temp.id_of('source')) ->> 'fork_count', '2', 'the public page has the number of forks');

update public.strategies set is_public = true where id = pg_temp.id_of('fork');
select is(pg_temp.listed(pg_temp.id_of('fork')) ->> 'fork_count', '0', 'a strategy without forks has 0 on the public page');
select is(pg_temp.listed(pg_temp.id_of('fork')) ->> 'forked_from', pg_temp.id_of('source')::text, 'the public page has the source');

delete from public.strategies where id = pg_temp.id_of('second');
select is(pg_temp.listed(pg_temp.id_of('source')) ->> 'fork_count', '1', 'a deleted fork is not counted');

create temporary table before as
select updated_at, current_version from public.strategies where id = pg_temp.id_of('fork');
delete from public.strategies where id = pg_temp.id_of('source');
select is(public.get_strategy(pg_temp.id_of('fork')) -> 'forked_from', 'null', 'a deleted source is not shown, even before the sweep');
select is(pg_temp.listed(pg_temp.id_of('fork')) -> 'forked_from', 'null', 'a deleted source is not shown on the public page');
select is(private.unlink_deleted_sources(10), 1, 'the sweep unlinks the forks of a deleted source');
select is((select forked_from from public.strategies where id = pg_temp.id_of('fork')), null, 'after the sweep the fork has no source');
select results_eq(
  'select updated_at, current_version from public.strategies where id = pg_temp.id_of(''fork'')',
  'select updated_at, current_version from before',
  'deleting the source changes neither updated_at nor the version of a fork'
);
select is(private.unlink_deleted_sources(10), 0, 'the next sweep unlinks no fork');
select is_empty('select 1 from private.deleted_sources', 'after the sweep no deleted source is recorded any more');

set local role authenticated;
select throws_ok(
  format('insert into public.strategies (name, config, forked_from) values (''x'', ''{}'', %L)', pg_temp.id_of('fork')),
  '42501', null, 'a client cannot set forked_from'
);
select lives_ok($$update public.users set public_name = 'Reader' where id = md5('reader')::uuid$$, 'a user can set a public name');
select throws_ok(
  $$update public.users set public_name = ' ' where id = md5('reader')::uuid$$, '23514', null, 'a blank public name is refused'
);
select throws_ok(
  $$update public.users set public_name = repeat('x', 61) where id = md5('reader')::uuid$$,
  '23514', null, 'a public name of more than 60 characters is refused'
);
reset role;

create function pg_temp.saved(component jsonb)
returns jsonb
language sql
return public.save_strategy(name => 'By name', config => '{}', components => jsonb_build_array(saved.component)) -> 'components' -> 0;

create function pg_temp.refused(component jsonb)
returns text
language plpgsql
as $$
declare
  v_detail text;
begin
  perform pg_temp.saved(refused.component);
  return null;
exception
  when others then
    get stacked diagnostics v_detail = pg_exception_detail;
    return v_detail;
end;
$$;

insert into public.indicators (id, name, category, type)
values (md5('named')::uuid, 'Named For Forks', 'Test', 'entry');

select is(
  pg_temp.saved('{"component_type": "entry", "indicator_name": "named for FORKS"}') ->> 'indicator_id',
  md5('named')::uuid::text,
  'a component with a name alone gets the library''s indicator, without regard to case'
);
select is(
  pg_temp.refused('{"component_type": "entry", "indicator_name": "There is no such"}'),
  'indicator_not_found',
  'a component with an unknown name is refused'
);
select is(
  pg_temp.refused('{"component_type": "exit", "indicator_name": "Named For Forks"}'),
  'invalid_argument',
  'a component whose type is not the indicator''s is refused'
);

insert into made
select 'holder', (public.save_strategy(
  name => 'Holder', config => '{}', components => '[{"component_type": "entry", "indicator_name": "Named For Forks"}]'
) ->> 'strategy_id')::uuid;
delete from public.indicators where id = md5('named')::uuid;
select is(
  public.save_strategy(
    strategy_id => pg_temp.id_of('holder'),
    components => public.get_strategy(pg_temp.id_of('holder')) -> 'components'
  ) -> 'components' -> 0 ->> 'indicator_name',
  'Named For Forks',
  'a component whose indicator was deleted can be saved again'
);

select * from finish();
rollback;
