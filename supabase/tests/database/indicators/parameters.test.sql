-- Parameter schemas: each supported keyword with values that fit and values that do not, and schemas that are refused.
begin;

create extension if not exists pgtap with schema extensions;

select no_plan();

-- ------------------------------------------------------------- schemas themselves

create temporary table schema_cases (id integer generated always as identity, description text, parameter_schema jsonb, fault jsonb);

insert into schema_cases (description, parameter_schema, fault)
values
  ('the empty schema', '{}', null),
  ('an object without properties', '{"type": "object"}', null),
  ('every keyword',
    '{"type": "object", "title": "T", "description": "D", "additionalProperties": false, "required": ["n"], "properties": {
      "n": {"type": "number", "minimum": 0, "maximum": 1, "multipleOf": 0.1, "default": 0.3, "title": "T", "description": "D"},
      "i": {"type": "integer", "enum": [1, 2], "default": 2},
      "b": {"type": "boolean", "default": true},
      "s": {"type": "string", "enum": ["a", "b"], "default": "a"}}}', null),
  ('no type', '{"properties": {}}', '{"keyword": "type"}'),
  ('another type', '{"type": "array"}', '{"keyword": "type"}'),
  ('properties that are no object', '{"type": "object", "properties": []}', '{"keyword": "properties"}'),
  ('additionalProperties true', '{"type": "object", "additionalProperties": true}', '{"keyword": "additionalProperties"}'),
  ('a keyword that is not understood', '{"type": "object", "allOf": []}', '{"keyword": "allOf"}'),
  ('required that is no array', '{"type": "object", "required": "a"}', '{"keyword": "required"}'),
  ('a required parameter that is not described', '{"type": "object", "required": ["a"]}', '{"keyword": "required"}'),
  ('one that is required twice', '{"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a", "a"]}', '{"keyword": "required"}'),
  ('one that is required by number', '{"type": "object", "properties": {"1": {"type": "string"}}, "required": [1]}', '{"keyword": "required"}');

insert into schema_cases (description, parameter_schema, fault)
select
  format('a parameter %s', p.property),
  jsonb_build_object('type', 'object', 'properties', jsonb_build_object('a', p.property::jsonb)),
  case when p.keyword is not null then jsonb_build_object('parameter', 'a', 'keyword', p.keyword) end
from (
  values
    ('{}', 'type'),
    ('"integer"', 'type'),
    ('{"type": "object"}', 'type'),
    ('{"type": ["integer"]}', 'type'),
    ('{"type": "null"}', 'type'),
    ('{"type": "integer", "title": 1}', 'title'),
    ('{"type": "integer", "description": {}}', 'description'),
    ('{"type": "integer", "pattern": "x"}', 'pattern'),
    ('{"type": "string", "minLength": 1}', 'minLength'),
    ('{"type": "string", "minimum": 1}', 'minimum'),
    ('{"type": "boolean", "maximum": 1}', 'maximum'),
    ('{"type": "string", "multipleOf": 1}', 'multipleOf'),
    ('{"type": "number", "minimum": "1"}', 'minimum'),
    ('{"type": "number", "minimum": 2, "maximum": 1}', 'minimum'),
    ('{"type": "number", "minimum": 1, "maximum": 1}', null),
    ('{"type": "number", "multipleOf": 0}', 'multipleOf'),
    ('{"type": "number", "multipleOf": -1}', 'multipleOf'),
    ('{"type": "integer", "enum": 1}', 'enum'),
    ('{"type": "integer", "enum": []}', 'enum'),
    ('{"type": "integer", "enum": [1, 1.0]}', 'enum'),
    ('{"type": "integer", "enum": [1, 1.5]}', 'enum'),
    ('{"type": "string", "enum": ["a", 1]}', 'enum'),
    ('{"type": "integer", "maximum": 5, "default": 6}', 'default'),
    ('{"type": "integer", "default": "6"}', 'default'),
    ('{"type": "integer", "default": null}', 'default'),
    ('{"type": "string", "enum": ["a"], "default": "b"}', 'default')
) as p (property, keyword);

select is(private.parameter_schema_fault(c.parameter_schema), c.fault, format('schema: %s: %s', c.description, coalesce(c.fault::text, 'accepted')))
from schema_cases as c
order by c.id;

-- ------------------------------------------------------------------------- values

create temporary table value_cases (id integer generated always as identity, property jsonb, value jsonb, fault jsonb);

insert into value_cases (property, value, fault)
values
  ('{"type": "integer"}', '14', null),
  ('{"type": "integer"}', '14.0', null),
  ('{"type": "integer"}', '14.5', '{"type": "integer"}'),
  ('{"type": "integer"}', '"14"', '{"type": "integer"}'),
  ('{"type": "integer"}', 'true', '{"type": "integer"}'),
  ('{"type": "integer"}', 'null', '{"type": "integer"}'),
  ('{"type": "number"}', '0.5', null),
  ('{"type": "number"}', '"0.5"', '{"type": "number"}'),
  ('{"type": "boolean"}', 'false', null),
  ('{"type": "boolean"}', '0', '{"type": "boolean"}'),
  ('{"type": "string"}', '"close"', null),
  ('{"type": "string"}', '["close"]', '{"type": "string"}'),
  ('{"type": "string"}', '{}', '{"type": "string"}'),
  ('{"type": "integer", "minimum": 2, "maximum": 500}', '2', null),
  ('{"type": "integer", "minimum": 2, "maximum": 500}', '1', '{"minimum": 2}'),
  ('{"type": "integer", "minimum": 2, "maximum": 500}', '500', null),
  ('{"type": "integer", "minimum": 2, "maximum": 500}', '501', '{"maximum": 500}'),
  ('{"type": "number", "multipleOf": 0.1}', '0.3', null),
  ('{"type": "number", "multipleOf": 0.1}', '-0.3', null),
  ('{"type": "number", "multipleOf": 0.1}', '0.35', '{"multipleOf": 0.1}'),
  ('{"type": "string", "enum": ["open", "close"]}', '"close"', null),
  ('{"type": "string", "enum": ["open", "close"]}', '"clo"', '{"enum": ["open", "close"]}'),
  ('{"type": "integer", "enum": [1, 2]}', '2.0', null),
  ('{"type": "integer", "enum": [1, 2]}', '3', '{"enum": [1, 2]}');

select is(private.parameter_value_fault(c.property, c.value), c.fault, format('%s %s: %s', c.property, c.value, coalesce(c.fault::text, 'fits')))
from value_cases as c
order by c.id;

create temporary view strict as
select '{"type": "object", "additionalProperties": false, "required": ["mode", "length"], "properties": {
  "mode": {"type": "string"}, "length": {"type": "integer", "default": 14, "maximum": 500}}}'::jsonb as schema;

select is(private.parameters_fault('{}', '{"anything": [1]}', '{}'), null, 'the empty schema accepts any object');
select is(private.parameters_fault('{"type": "object"}', '{"more": 1}', '{}'), null, 'a schema without additionalProperties accepts other parameters, as in JSON Schema');
select is(private.parameters_fault(schema, '{"mode": "a"}', '{}'), null, 'a required parameter with a default can be omitted') from strict;
select is(private.parameters_fault(schema, '{}', '{"mode": "a"}'), null, 'a required parameter that the indicator''s defaults contain can be omitted') from strict;
select is(private.parameters_fault(schema, '{"length": 1}', '{}'), '{"parameter": "mode", "required": true}', 'a required parameter without a default must be given') from strict;
select is(private.parameters_fault(schema, '{"length": 1}', null), null, 'a set of defaults need not contain a required parameter') from strict;
select is(
  private.parameters_fault(schema, '{"mode": "a", "lenght": 1}', '{}'),
  '{"parameter": "lenght", "additionalProperties": false}', 'a misspelt parameter is named'
) from strict;
select is(
  private.parameters_fault(schema, '{"mode": "a", "length": 501}', '{}'),
  '{"parameter": "length", "maximum": 500}', 'a violation names the parameter and the bound'
) from strict;
select is(private.parameter_defaults(schema), '{"length": 14}', 'the defaults of a schema are collected') from strict;
select is(private.parameter_defaults('{}'), '{}', 'a schema without defaults gives an empty object');

-- ------------------------------------------------------------ checks of the tables

insert into auth.users (id, aud, role, email)
values
  (md5('writer')::uuid, 'authenticated', 'authenticated', 'writer@parameters.test'),
  (md5('free')::uuid, 'authenticated', 'authenticated', 'free@parameters.test');

update public.users
set premium_until = now() + interval '1 day'
where id = md5('writer')::uuid;

insert into public.indicators (id, name, category, type, parameters, defaults)
values (
  md5('indicator')::uuid, 'Parameters test', 'momentum', 'entry',
  '{"type": "object", "additionalProperties": false, "required": ["mode"], "properties": {
    "mode": {"type": "string", "enum": ["a", "b"]},
    "length": {"type": "integer", "minimum": 2, "maximum": 500, "default": 14}}}',
  '{"length": 20}'
);

insert into public.custom_indicators (id, user_id, name, category, type, pine_script, parameters)
values (
  md5('custom')::uuid, md5('writer')::uuid, 'Mine', 'momentum', 'entry', 'plot(close)',
  '{"type": "object", "additionalProperties": false, "properties": {"length": {"type": "integer", "maximum": 10, "default": 5}}}'
);

insert into public.strategies (id, user_id, name, config)
values (md5('strategy')::uuid, md5('writer')::uuid, 'Parameters', '{}');

create function pg_temp.refusal_of(statement text)
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
    return array[sqlstate, v_detail, v_hint];
end;
$$;

create function pg_temp.component(in_indicator text, in_is_custom boolean, in_parameters text)
returns text
language sql
return format(
  'insert into public.strategy_components (id, strategy_id, indicator_id, is_custom, component_type, position, parameters) '
    'values (md5(%L)::uuid, md5(''strategy'')::uuid, md5(%L)::uuid, %L, ''entry'', (select count(*) from public.strategy_components), %L)',
  in_indicator, in_indicator, in_is_custom, in_parameters
);

select is(
  pg_temp.refusal_of($$insert into public.indicators (name, category, type, parameters) values ('Bad', 'x', 'entry', '{"type": "object", "properties": {"a": {"type": "date"}}}')$$),
  array['PT422', 'invalid_parameters', '{"keyword": "type", "parameter": "a"}'], 'a library indicator with an unsupported schema is refused'
);
select is(
  pg_temp.refusal_of($$update public.indicators set defaults = '{"length": 1}' where id = md5('indicator')::uuid$$),
  array['PT422', 'invalid_parameters', '{"minimum": 2, "parameter": "length"}'], 'defaults that do not fit the schema are refused'
);
select is(
  pg_temp.refusal_of($$update public.indicators set parameters = '{"type": "object", "properties": {"length": {"type": "string"}}}' where id = md5('indicator')::uuid$$),
  array['PT422', 'invalid_parameters', '{"type": "string", "parameter": "length"}'], 'a schema that the defaults do not fit is refused'
);
select is(
  pg_temp.refusal_of($$update public.custom_indicators set parameters = '{"type": "object", "oneOf": []}' where id = md5('custom')::uuid$$),
  array['PT422', 'invalid_parameters', '{"keyword": "oneOf"}'], 'a custom indicator with an unsupported schema is refused'
);

select is(pg_temp.refusal_of(pg_temp.component('indicator', false, '{"mode": "a"}')), null, 'a component can omit a parameter with a default');
select is(
  pg_temp.refusal_of(pg_temp.component('indicator', false, '{"mode": "c"}')),
  array['PT422', 'invalid_parameters', '{"enum": ["a", "b"], "parameter": "mode"}'], 'a component whose parameters do not fit the library''s schema is refused'
);
select is(
  pg_temp.refusal_of(pg_temp.component('indicator', false, '{"length": 30}')),
  array['PT422', 'invalid_parameters', '{"required": true, "parameter": "mode"}'], 'a component without a required parameter is refused'
);
select is(
  pg_temp.refusal_of(pg_temp.component('custom', true, '{"length": 11}')),
  array['PT422', 'invalid_parameters', '{"maximum": 10, "parameter": "length"}'], 'a component whose parameters do not fit a custom indicator''s schema is refused'
);
select is(
  pg_temp.refusal_of($$update public.strategy_components set parameters = '{"mode": "a", "length": 501}' where id = md5('indicator')::uuid$$),
  array['PT422', 'invalid_parameters', '{"maximum": 500, "parameter": "length"}'], 'a change of a component''s parameters is checked'
);
select is(
  pg_temp.refusal_of($$update public.strategy_components set indicator_id = md5('custom')::uuid, is_custom = true where id = md5('indicator')::uuid$$),
  array['PT422', 'invalid_parameters', '{"parameter": "mode", "additionalProperties": false}'], 'a change of a component''s indicator is checked'
);

select throws_like(
  $$update public.strategy_components set parameters = '{"mode": "a", "length": 501}' where id = md5('indicator')::uuid$$,
  '"length" of Parameters test must be at most 500.', 'the message names the parameter and its bound'
);

-- The schema of an indicator is revised: components that were valid before are kept.
update public.indicators
set parameters = '{"type": "object", "additionalProperties": false, "properties": {"period": {"type": "integer"}}}', defaults = '{}'
where id = md5('indicator')::uuid;

select lives_ok(
  $$update public.strategy_components set position = 40, parameters = '{"mode": "a"}' where id = md5('indicator')::uuid$$,
  'a component that does not change its parameters is not checked against a revised schema'
);

-- A value that is too large is refused by the table's check before it is compared with the schema.
select throws_ok(
  format(
    $$update public.strategy_components set parameters = jsonb_build_object('mode', repeat('x', 9000)) where id = %L$$, md5('indicator')::uuid
  ),
  '23514', null, 'parameters of more than 8 KiB are refused by the table''s check'
);

select set_config('request.jwt.claims', jsonb_build_object('sub', md5('free')::uuid, 'role', 'authenticated')::text, true);
select is(
  (pg_temp.refusal_of(
    $$insert into public.custom_indicators (name, category, type, pine_script, parameters) values ('Early', 'x', 'exit', 'x', '{"type": "array"}')$$
  ))[2],
  'premium_required', 'premium is checked before the parameter schema'
);
select set_config('request.jwt.claims', '', true);

-- Comparing all pairs of options would take an hour here. A schema of 16 KiB can have 2,700 options.
set local statement_timeout = '60s';
select is(
  private.parameter_schema_fault(jsonb_build_object(
    'type', 'object',
    'properties', jsonb_build_object('n', jsonb_build_object(
      'type', 'integer', 'enum', (select jsonb_agg(n) from generate_series(1, 200000) as n)
    ))
  )),
  null,
  'a very long enum is checked in time, because the time grows linearly'
);

select * from finish();

rollback;
