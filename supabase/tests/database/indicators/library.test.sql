-- The indicators that ship, and the search for indicators.
begin;

create extension if not exists pgtap with schema extensions;

select no_plan();

create temporary view library as
select i.id, i.name, i.type, i.category, i.description, i.parameters, i.defaults
from public.indicators as i
where i.id between '1d000000-0000-4000-8000-000000000001' and '1d000000-0000-4000-8000-000000000999';

select cmp_ok((select count(*) from library), '>=', 60::bigint, 'the library has at least sixty indicators');
select set_eq('select distinct type from library', '{trend,entry,exit,stop_loss}'::text[], 'the library has indicators of all four types');
select set_eq(
  'select distinct category from library',
  array['moving averages', 'momentum', 'volatility', 'volume', 'trend strength', 'patterns', 'risk'],
  'the library has indicators of all categories'
);
select is_empty(
  $$select name from library where description is null or char_length(description) < 30$$, 'every indicator of the library has a description'
);
select is_empty(
  $$select name, private.parameter_schema_fault(parameters)
    from library
    where parameters = '{}' or private.parameter_schema_fault(parameters) is not null$$,
  'every indicator of the library has a valid parameter schema'
);
select is_empty(
  $$select name from library where parameters -> 'additionalProperties' is distinct from 'false'$$,
  'every parameter schema of the library allows no other parameters'
);
select is_empty(
  $$select l.name, p.key
    from library as l
    cross join lateral jsonb_each(l.parameters -> 'properties') as p
    where not p.value ?& '{title,default}'
      or (p.value ->> 'type' in ('integer', 'number') and not p.value ?& '{minimum,maximum}')
      or (p.value ->> 'type' = 'string' and not p.value ? 'enum')$$,
  'every parameter of the library has a title, a default and bounds'
);
select is_empty(
  $$select name
    from library
    where defaults <> private.parameter_defaults(parameters)
      or private.parameters_fault(parameters, defaults, '{}') is not null$$,
  'the defaults of every indicator are complete and fit its schema'
);

-- Well-known default values.
select is(
  (select l.defaults @> c.defaults from library as l where l.name = c.name), true,
  format('%s has the defaults %s', c.name, c.defaults)
)
from (
  values
    ('RSI', '{"length": 14}'::jsonb),
    ('MACD', '{"fast_length": 12, "slow_length": 26, "signal_length": 9}'),
    ('Bollinger Bands', '{"length": 20, "multiplier": 2}'),
    ('ATR', '{"length": 14}'),
    ('Supertrend', '{"atr_length": 10, "multiplier": 3}'),
    ('Ichimoku Cloud', '{"conversion_length": 9, "base_length": 26, "span_b_length": 52}'),
    ('Donchian Channels', '{"length": 20}'),
    ('Keltner Channels', '{"length": 20, "multiplier": 2}'),
    ('Parabolic SAR', '{"start": 0.02, "increment": 0.02, "maximum": 0.2}'),
    ('Stochastic Oscillator', '{"k_length": 14, "d_smoothing": 3}'),
    ('ADX', '{"adx_smoothing": 14, "di_length": 14}'),
    ('Chandelier Exit', '{"length": 22, "multiplier": 3}')
) as c (name, defaults);

-- --------------------------------------------------------------------------- search

insert into auth.users (id, aud, role, email)
values (md5('contributor')::uuid, 'authenticated', 'authenticated', 'contributor@library.test');

insert into public.indicators (name, category, type, is_public, created_by, description)
values
  ('Zyx hidden', 'zyx', 'exit', false, null, 'Nobody sees this'),
  ('Zyx contributed', 'zyx', 'exit', false, md5('contributor')::uuid, 'Its contributor sees this'),
  ('Zyx/Abc shared', 'zyx', 'exit', true, null, 'Everybody sees this, about wobbling volumes');

create function pg_temp.found(search text default null, type text default null, category text default null, page_size integer default null, page integer default null)
returns text[]
language sql
return array(select i.name from public.search_indicators(search, type, category, page_size, page) as i);

select is((pg_temp.found('rsi'))[1], 'RSI', 'an indicator whose name is the search text comes first');
select ok(pg_temp.found('rsi') @> array['Stochastic RSI', 'Connors RSI'], 'indicators with the search text in their names are found');
select is((pg_temp.found('  RSI '))[1], 'RSI', 'the search ignores case and surrounding space');
select is((pg_temp.found('boll'))[1:3] @> array['Bollinger Bands', 'Bollinger %B'], true, 'the beginning of a word is found');
select is((pg_temp.found('movi'))[1] like 'Moving Average%', true, 'the beginning of a word is found even if its stem differs');
select is((pg_temp.found('relative strength'))[1], 'RSI', 'words of the description are found');
select ok('Zyx/Abc shared' = any (pg_temp.found('wobbled volume')), 'words are found in other inflections');
select is(pg_temp.found('abc'), array['Zyx/Abc shared'], 'a word after a slash is found');
select is(pg_temp.found('the macd')::text like '%MACD%', true, 'stop words in the search text are ignored');
select is(pg_temp.found('bollinger zyx'), '{}', 'an indicator must contain every word of the search text');
select is(pg_temp.found('100%'' & | ! :* <-> ()'), pg_temp.found('100'), 'query operators in the search text are ignored');
select is(cardinality(pg_temp.found('&!')), 20, 'a search text without words finds everything, 20 on a page');

select is_empty(
  $$select from public.search_indicators(null, 'stop_loss', null, 100) as i where i.type <> 'stop_loss'$$,
  'the search can be limited to a type'
);
select is(pg_temp.found(category => 'ZYX'), array['Zyx/Abc shared'], 'the search can be limited to a category, without regard to case');
select is(
  pg_temp.found(page_size => 3, page => 1) || pg_temp.found(page_size => 3, page => 2), pg_temp.found(page_size => 6),
  'the pages of a search follow one another'
);
select is(pg_temp.found(page_size => 100, page => 2147483647), '{}', 'a page beyond the last one is empty');

select is(pg_temp.found('zyx'), array['Zyx/Abc shared'], 'a private indicator is not found');
select set_config('request.jwt.claims', jsonb_build_object('sub', md5('contributor')::uuid, 'role', 'authenticated')::text, true);
select is(pg_temp.found('zyx'), array['Zyx contributed', 'Zyx/Abc shared'], 'a private indicator is found by its contributor');
select set_config('request.jwt.claims', '', true);

create function pg_temp.argument_refused(statement text)
returns text
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
    return v_detail || ' ' || (v_hint::jsonb ->> 'argument');
end;
$$;

select is(pg_temp.argument_refused('select public.search_indicators(' || a.arguments || ')'), a.refusal, format('search_indicators(%s): %s', a.arguments, coalesce(a.refusal, 'accepted')))
from (
  values
    ('page_size => 0', 'invalid_argument page_size'),
    ('page_size => 101', 'invalid_argument page_size'),
    ('page_size => 100', null),
    ('page => 0', 'invalid_argument page'),
    ('type => ''other''', 'invalid_argument type'),
    ('search => repeat(''x'', 201)', 'invalid_argument search'),
    ('search => repeat(''x'', 200)', null)
) as a (arguments, refusal);

select * from finish();

rollback;
