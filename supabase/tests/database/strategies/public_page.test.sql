-- The public page finds exactly the published strategies, wherever a search has to look: among the newest, further back, or
-- in the index of words.
begin;

create extension if not exists pgtap with schema extensions;

select plan(13);

insert into auth.users (id, aud, role, email)
values (md5('publisher')::uuid, 'authenticated', 'authenticated', 'publisher@page.test');

-- 6,000 public strategies, newest first by their number: "frequent" in every 50th, "rare" in
-- two of the oldest, "buried" in 300 of the oldest, "everywhere" in all.
insert into public.strategies (user_id, name, description, created_at, is_public, market_type, timeframe, config)
select
  md5('publisher')::uuid,
  'Page ' || n,
  'everywhere'
    || case when n % 50 = 0 then ' frequent' else '' end
    || case when n in (5800, 5900) then ' rare' else '' end
    || case when n > 5700 then ' buried' else '' end,
  timestamptz '2040-01-01' - n * interval '1 minute',
  true,
  case when n % 2 = 0 then 'crypto' else 'forex' end,
  '1h',
  '{}'
from generate_series(1, 6000) as n;

create function pg_temp.names(search text, page_size integer default 20, cursor text default null, market_type text default null)
returns text[]
language sql
return (
  select array_agg(i.item ->> 'name' order by i.place)
  from jsonb_array_elements(
    public.list_public_strategies(
      search => names.search, page_size => names.page_size, cursor => names.cursor, market_type => names.market_type
    ) -> 'items'
  ) with ordinality as i (item, place)
);

create function pg_temp.expected(numbers integer[])
returns text[]
language sql
return (select array_agg('Page ' || n order by place) from unnest(expected.numbers) with ordinality as x (n, place));

select is(pg_temp.names('everywhere', 3), pg_temp.expected('{1, 2, 3}'), 'a word of all strategies is found, newest first');
select is(
  pg_temp.names('frequent', 30),
  (select array_agg('Page ' || n * 50 order by n) from generate_series(1, 30) as n),
  'a word of every fiftieth strategy is found beyond the newest 300'
);
select is(pg_temp.names('rare'), pg_temp.expected('{5800, 5900}'), 'a rare word is found by the index of words');
select is(
  pg_temp.names('buried', 3), pg_temp.expected('{5701, 5702, 5703}'), 'a word of old strategies alone is found, newest first'
);
select is(pg_temp.names('zebra'), null, 'a word of no strategy finds nothing');
select is(
  pg_temp.names('buried', 2, public.list_public_strategies(search => 'buried', page_size => 2) ->> 'next_cursor'),
  pg_temp.expected('{5703, 5704}'),
  'the next page of a search begins after the first one'
);
select is(pg_temp.names('buried', 2, null, 'forex'), pg_temp.expected('{5701, 5703}'), 'a search can be limited to a market');
select is(
  pg_temp.names('frequent', 2, null, 'forex'), null, 'a search in a market without the word finds nothing'
);

update public.strategies set name = 'Renamed zebra' where name = 'Page 5900';
select is(pg_temp.names('zebra'), array['Renamed zebra'], 'a renamed strategy is found by its new name');
update public.strategies set market_type = 'stocks' where name = 'Renamed zebra';
select is(pg_temp.names('zebra', 20, null, 'stocks'), array['Renamed zebra'], 'a strategy is found in its new market');
update public.strategies set is_public = false where name = 'Renamed zebra';
select is(pg_temp.names('zebra'), null, 'a hidden strategy is not found');
update public.strategies set is_public = true where name = 'Renamed zebra';
delete from public.strategies where name = 'Renamed zebra';
select is(pg_temp.names('zebra'), null, 'a deleted strategy is not found');
select throws_ok(
  $$select public.list_public_strategies(search => repeat('x ', 100000))$$, 'PT422', null, 'a search of 200 KB is refused'
);

select * from finish();
rollback;
