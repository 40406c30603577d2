-- Made from supabase/schemas/indicators/ by `npm run db:diff -- --first`: change it there.

-- The words of a text for a search, by weight: title, keywords, then body. Each word is indexed twice: as written,
-- so that its beginning finds it, and by its stem, so that "averages" finds "average". Everything but letters and
-- digits becomes a space, or the parser would take "a/b" for a file name. An index uses this function, so every role
-- that writes an indicator needs the privilege to call it.
create function private.search_words(title text, keywords text, body text)
returns tsvector
language sql
immutable
parallel safe
security invoker
set search_path = ''
return
  setweight(to_tsvector('simple', regexp_replace(coalesce(search_words.title, ''), '[^[:alnum:]]+', ' ', 'g')), 'A')
  || setweight(to_tsvector('english', regexp_replace(coalesce(search_words.title, ''), '[^[:alnum:]]+', ' ', 'g')), 'A')
  || setweight(to_tsvector('simple', regexp_replace(coalesce(search_words.keywords, ''), '[^[:alnum:]]+', ' ', 'g')), 'B')
  || setweight(to_tsvector('english', regexp_replace(coalesce(search_words.body, ''), '[^[:alnum:]]+', ' ', 'g')), 'C')
  || setweight(to_tsvector('simple', regexp_replace(coalesce(search_words.body, ''), '[^[:alnum:]]+', ' ', 'g')), 'D');

revoke all on function private.search_words from public, anon, authenticated, service_role;
grant execute on function private.search_words to service_role;

-- The library of indicators. Its rows come from migrations and from service_role; users read them.
create table public.indicators (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  description text,
  category text not null,
  type text not null,
  parameters jsonb not null default '{}',
  defaults jsonb not null default '{}',
  created_at timestamptz not null default now(),
  created_by uuid references public.users (id) on delete set null,
  is_custom boolean not null default false,
  is_public boolean not null default true,
  accuracy_rating numeric(3, 2),
  constraint indicators_name_length check (char_length(name) <= 200 and name ~ '\S'),
  constraint indicators_description_length check (char_length(description) <= 4000),
  constraint indicators_category_length check (char_length(category) <= 200 and category ~ '\S'),
  constraint indicators_type_known check (type in ('trend', 'entry', 'exit', 'stop_loss')),
  constraint indicators_parameters_is_an_object check (jsonb_typeof(parameters) = 'object'),
  -- Twice the size of values: a schema also names each parameter, its title and its bounds.
  constraint indicators_parameters_size check (octet_length(parameters::text) <= 16384),
  constraint indicators_defaults_is_an_object check (jsonb_typeof(defaults) = 'object'),
  constraint indicators_defaults_size check (octet_length(defaults::text) <= 8192),
  constraint indicators_accuracy_rating_range check (accuracy_rating between 0 and 5)
);

create unique index indicators_name_key on public.indicators (lower(name));

create index idx_indicators_type_category on public.indicators (type, category);

create index indicators_created_by_idx on public.indicators (created_by);

create index indicators_search_idx on public.indicators
  using gin (private.search_words(name, category || ' ' || type, description));

comment on table public.indicators is 'The library of technical indicators. Read by all, written by service_role.';
comment on column public.indicators.name is 'Unique without regard to case.';
comment on column public.indicators.type is 'Where it fits in a strategy: trend, entry, exit or stop_loss.';
comment on column public.indicators.parameters is
  'JSON Schema of the parameters, an object of at most 16 KiB; {} declares none and accepts anything.';
comment on column public.indicators.defaults is
  'Usual parameter values, which fit the schema and replace what a component leaves out.';
comment on column public.indicators.created_by is 'The user who contributed it; null for the library''s own.';
comment on column public.indicators.accuracy_rating is '0.00 to 5.00.';

-- Read by private.refuse_argument().
comment on constraint indicators_type_known on public.indicators is 'type: type must be one of %s.';

alter table public.indicators enable row level security;

create policy "visitors read public indicators"
  on public.indicators
  for select
  to anon
  using (is_public);

create policy "users read public indicators and their own"
  on public.indicators
  for select
  to authenticated
  using (is_public or created_by = (select private.reader_id()));

-- Refuses a parameter schema with keywords that nothing checks, and defaults that do not fit their schema. A value
-- that is not an object is left to the table's own checks, which run later.
create function private.check_indicator_parameters()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_fault jsonb;
begin
  perform private.check_json(new.parameters, 16384, 'parameters', tg_table_name || '_parameters_size');
  if tg_table_name = 'indicators' then
    perform private.check_json(new.defaults, 8192, 'defaults', 'indicators_defaults_size');
  end if;

  v_fault := private.parameter_schema_fault(new.parameters);
  if tg_table_name = 'indicators' and v_fault is null then
    v_fault := private.parameters_fault(new.parameters, new.defaults, null);
  end if;

  if v_fault is not null then
    perform private.refuse_parameters(v_fault, new.name);
  end if;
  return new;
end;
$$;

create trigger indicators_validate_parameters
  before insert or update of parameters, defaults on public.indicators
  for each row
  when (
    jsonb_typeof(new.parameters) = 'object'
    and jsonb_typeof(new.defaults) = 'object'
  )
  execute function private.check_indicator_parameters();

revoke all on public.indicators from public, anon, authenticated, service_role;
grant select on public.indicators to anon, authenticated;
grant select, insert, update, delete on public.indicators to service_role;
revoke all on function private.check_indicator_parameters from public, anon, authenticated, service_role;

-- Custom indicators: Pine Script that users write themselves, a premium feature.
create table public.custom_indicators (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references public.users (id) on delete cascade,
  name text not null,
  description text,
  category text not null,
  type text not null,
  parameters jsonb not null default '{}',
  pine_script text not null,
  is_public boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint custom_indicators_name_length check (char_length(name) <= 200 and name ~ '\S'),
  constraint custom_indicators_description_length check (char_length(description) <= 4000),
  constraint custom_indicators_category_length check (char_length(category) <= 200 and category ~ '\S'),
  constraint custom_indicators_type_known check (type in ('trend', 'entry', 'exit', 'stop_loss')),
  constraint custom_indicators_parameters_is_an_object check (jsonb_typeof(parameters) = 'object'),
  constraint custom_indicators_parameters_size check (octet_length(parameters::text) <= 16384),
  constraint custom_indicators_pine_script_not_blank check (pine_script ~ '\S'),
  -- Far longer than any script that people write by hand, and small enough to read in one piece.
  constraint custom_indicators_pine_script_size check (octet_length(pine_script) <= 102400)
);

-- Leads with user_id, so it is the foreign key's index too.
create unique index custom_indicators_user_id_name_key on public.custom_indicators (user_id, lower(name));

comment on table public.custom_indicators is
  'Indicators written by users. Inserting and updating need a premium plan; reading and deleting never do.';
comment on column public.custom_indicators.name is 'Unique among the indicators of its owner, without regard to case.';
comment on column public.custom_indicators.type is 'Where it fits in a strategy: trend, entry, exit or stop_loss.';
comment on column public.custom_indicators.parameters is
  'JSON Schema of the parameters, an object of at most 16 KiB; {} declares none and accepts anything.';
comment on column public.custom_indicators.pine_script is 'The source, at most 100 KiB.';
comment on column public.custom_indicators.is_public is 'Whether everybody may read and use it, source included.';

alter table public.custom_indicators enable row level security;

create policy "visitors read public custom indicators"
  on public.custom_indicators
  for select
  to anon
  using (is_public);

create policy "users read public custom indicators and their own"
  on public.custom_indicators
  for select
  to authenticated
  using (is_public or user_id = (select private.reader_id()));

create policy "users create custom indicators of their own"
  on public.custom_indicators
  for insert
  to authenticated
  with check (user_id = (select private.reader_id()));

create policy "users change their own custom indicators"
  on public.custom_indicators
  for update
  to authenticated
  using (user_id = (select private.reader_id()))
  with check (user_id = (select private.reader_id()));

create policy "users delete their own custom indicators"
  on public.custom_indicators
  for delete
  to authenticated
  using (user_id = (select private.reader_id()));

-- Writing custom indicators needs a premium plan, for every request of a user and by whatever path it comes.
-- service_role and migrations act for the operator and have no limit. Triggers run before policies, so this looks
-- nothing up for a row that does not belong to the caller.
create function private.require_premium()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_caller uuid := private.reader_id();
  v_hidden public.custom_indicators;
begin
  -- A user who no longer pays may still hide what they published, and change nothing else.
  if tg_op = 'UPDATE' and old.is_public and not new.is_public then
    v_hidden := old;
    v_hidden.is_public := false;
    if v_hidden is not distinct from new then
      return new;
    end if;
  end if;

  -- The row of another user is refused by the policies, which run later.
  if new.user_id = v_caller and not private.is_premium(v_caller) then
    perform private.raise_error(
      'premium_required',
      'Custom indicators need a premium plan: upgrade to create or change one.'
    );
  end if;
  return new;
end;
$$;

create trigger custom_indicators_100_require_premium
  before insert or update on public.custom_indicators
  for each row
  execute function private.require_premium();

create trigger custom_indicators_lock_account
  before insert or update or delete on public.custom_indicators
  for each statement
  execute function private.lock_own_account();

-- 500: after the premium check (100), so that a user is not told to correct a schema that they may not write.
create trigger custom_indicators_500_validate_parameters
  before insert or update of parameters on public.custom_indicators
  for each row
  when (jsonb_typeof(new.parameters) = 'object')
  execute function private.check_indicator_parameters();

-- 900: the premium check (100) compares the whole row, so updated_at must not have changed before it.
create trigger custom_indicators_900_set_updated_at
  before update on public.custom_indicators
  for each row
  when (old.* is distinct from new.*)
  execute function private.set_updated_at();

create trigger custom_indicators_are_limited
  after insert on public.custom_indicators
  referencing new table as added
  for each statement
  execute function private.hold_to_plan('custom indicator');

revoke all on public.custom_indicators from public, anon, authenticated, service_role;
grant select on public.custom_indicators to anon, authenticated;
grant
  insert (user_id, name, description, category, type, parameters, pine_script, is_public),
  update (name, description, category, type, parameters, pine_script, is_public),
  delete
  on public.custom_indicators
  to authenticated;
grant select, insert, update, delete on public.custom_indicators to service_role;
revoke all on function private.require_premium from public, anon, authenticated, service_role;

-- Returns the defaults that a parameter schema declares, as an object.
create function private.parameter_defaults(parameter_schema jsonb)
returns jsonb
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return coalesce(
    (
      select jsonb_object_agg(p.key, p.value -> 'default')
      from jsonb_each(parameter_defaults.parameter_schema -> 'properties') as p
      where p.value ? 'default'
    ),
    '{}'
  );
end;
$$;

revoke all on function private.parameter_defaults from public, anon, authenticated, service_role;

-- The parameters of an indicator are described by a JSON Schema. This part of JSON Schema is supported, with its
-- usual meaning:
--
--    {"type": "object", "properties": {…}, "required": […], "additionalProperties": false}
--
-- and in each property `type` (integer, number, boolean, string), `minimum`, `maximum`, `multipleOf`, `enum`,
-- `default`, `title` and `description`. A schema with anything else is refused when it is written: a bound that
-- nothing checks is worse than none. The empty schema {} declares nothing and accepts any object.
--
-- Only four functions interpret schemas: parameter_schema_fault, parameter_value_fault, parameter_defaults and
-- parameters_fault. A fault is a JSON object of facts for an error's hint, such as {"parameter": "length",
-- "maximum": 500}; null means none.
--
-- This one returns what is wrong with a schema itself: {"parameter": …, "keyword": …}, without a parameter where the
-- schema as a whole is wrong.
create function private.parameter_schema_fault(parameter_schema jsonb)
returns jsonb
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_name text;
  v_property jsonb;
  v_bare jsonb;
  v_keyword text;
  v_value jsonb;
  v_is_number boolean;
  v_is_sound boolean;
begin
  if parameter_schema_fault.parameter_schema = '{}' then
    return null;
  end if;

  for v_keyword, v_value in
    select e.key, e.value
    -- A missing type is null here, and is refused like a wrong type.
    from jsonb_each(
      parameter_schema_fault.parameter_schema
        || jsonb_build_object('type', parameter_schema_fault.parameter_schema -> 'type')
    ) as e
  loop
    v_is_sound := case v_keyword
      when 'type' then v_value = '"object"'
      when 'properties' then jsonb_typeof(v_value) = 'object'
      when 'additionalProperties' then v_value = 'false'
      when 'required' then jsonb_typeof(v_value) = 'array'
      when 'title' then jsonb_typeof(v_value) = 'string'
      when 'description' then jsonb_typeof(v_value) = 'string'
    end;
    if v_is_sound is not true then
      return jsonb_build_object('keyword', v_keyword);
    end if;
  end loop;

  -- Each required parameter must be described, and listed once.
  if exists (
    select
    from jsonb_array_elements(parameter_schema_fault.parameter_schema -> 'required') as r (name)
    group by r.name
    having count(*) > 1
      or jsonb_typeof(r.name) <> 'string'
      or (parameter_schema_fault.parameter_schema -> 'properties' ? (r.name #>> '{}')) is not true
  ) then
    return jsonb_build_object('keyword', 'required');
  end if;

  for v_name, v_property in
    select p.key, p.value
    from jsonb_each(parameter_schema_fault.parameter_schema -> 'properties') as p
  loop
    if coalesce(v_property ->> 'type', '') not in ('integer', 'number', 'boolean', 'string') then
      return jsonb_build_object('parameter', v_name, 'keyword', 'type');
    end if;
    v_is_number := v_property ->> 'type' in ('integer', 'number');
    -- Each option is checked without the list of options, because it is certainly in it.
    v_bare := v_property - 'enum';

    for v_keyword, v_value in
      select k.key, k.value
      from jsonb_each(v_property) as k
    loop
      v_is_sound := case v_keyword
        when 'type' then jsonb_typeof(v_value) = 'string'
        when 'title' then jsonb_typeof(v_value) = 'string'
        when 'description' then jsonb_typeof(v_value) = 'string'
        when 'minimum' then v_is_number and jsonb_typeof(v_value) = 'number'
        when 'maximum' then v_is_number and jsonb_typeof(v_value) = 'number'
        when 'multipleOf' then v_is_number and jsonb_typeof(v_value) = 'number'
        when 'enum' then jsonb_typeof(v_value) = 'array'
        when 'default' then true
      end;
      if v_is_sound is not true then
        return jsonb_build_object('parameter', v_name, 'keyword', v_keyword);
      end if;
    end loop;

    if (v_property ->> 'multipleOf')::numeric <= 0 then
      return jsonb_build_object('parameter', v_name, 'keyword', 'multipleOf');
    elsif (v_property ->> 'minimum')::numeric > (v_property ->> 'maximum')::numeric then
      return jsonb_build_object('parameter', v_name, 'keyword', 'minimum');
    elsif v_property ? 'enum' and (
      v_property -> 'enum' = '[]'
      or exists (
        select
        from jsonb_array_elements(v_property -> 'enum') as o (option)
        group by o.option
        having count(*) > 1
          or private.parameter_value_fault(v_bare, o.option) is not null
      )
    ) then
      return jsonb_build_object('parameter', v_name, 'keyword', 'enum');
    elsif v_property ? 'default'
      and private.parameter_value_fault(v_property, v_property -> 'default') is not null
    then
      return jsonb_build_object('parameter', v_name, 'keyword', 'default');
    end if;
  end loop;

  return null;
end;
$$;

revoke all on function private.parameter_schema_fault from public, anon, authenticated, service_role;

-- Returns which bound a value breaks in the schema of its parameter, as {keyword: bound}; null for none.
create function private.parameter_value_fault(property jsonb, value jsonb)
returns jsonb
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_type text := parameter_value_fault.property ->> 'type';
  v_number numeric;
begin
  if jsonb_typeof(parameter_value_fault.value) <> (case v_type when 'integer' then 'number' else v_type end) then
    return jsonb_build_object('type', v_type);
  end if;

  if v_type in ('integer', 'number') then
    v_number := parameter_value_fault.value::numeric;
    -- 14.0 is an integer, as in JSON Schema.
    if v_type = 'integer' and v_number <> trunc(v_number) then
      return jsonb_build_object('type', v_type);
    elsif v_number < (parameter_value_fault.property ->> 'minimum')::numeric then
      return jsonb_build_object('minimum', parameter_value_fault.property -> 'minimum');
    elsif v_number > (parameter_value_fault.property ->> 'maximum')::numeric then
      return jsonb_build_object('maximum', parameter_value_fault.property -> 'maximum');
    elsif mod(v_number, (parameter_value_fault.property ->> 'multipleOf')::numeric) <> 0 then
      return jsonb_build_object('multipleOf', parameter_value_fault.property -> 'multipleOf');
    end if;
  end if;

  if parameter_value_fault.property ? 'enum'
    and not parameter_value_fault.property -> 'enum' @> jsonb_build_array(parameter_value_fault.value)
  then
    return jsonb_build_object('enum', parameter_value_fault.property -> 'enum');
  end if;
  return null;
end;
$$;

revoke all on function private.parameter_value_fault from public, anon, authenticated, service_role;

-- Returns which bound a set of parameters breaks in a schema, as {parameter, keyword: bound}; null for none. Both an
-- indicator's defaults and a component's parameters are checked here. `fallbacks` holds values for parameters that
-- are left out, in addition to the schema's own defaults. Null means that no parameter is required, because an
-- indicator's defaults may leave a required parameter to the user.
create function private.parameters_fault(parameter_schema jsonb, parameters jsonb, fallbacks jsonb)
returns jsonb
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_name text;
  v_value jsonb;
  v_property jsonb;
  v_fault jsonb;
begin
  for v_name, v_value in
    select p.key, p.value
    from jsonb_each(parameters_fault.parameters) as p
  loop
    v_property := parameters_fault.parameter_schema -> 'properties' -> v_name;
    if v_property is not null then
      v_fault := private.parameter_value_fault(v_property, v_value);
    elsif parameters_fault.parameter_schema ? 'additionalProperties' then
      v_fault := '{"additionalProperties": false}';
    end if;
    if v_fault is not null then
      return jsonb_build_object('parameter', v_name) || v_fault;
    end if;
  end loop;

  select r.name
  into v_name
  from jsonb_array_elements_text(parameters_fault.parameter_schema -> 'required') as r (name)
  where not parameters_fault.parameters ? r.name
    and not parameters_fault.fallbacks ? r.name
    and not parameters_fault.parameter_schema -> 'properties' -> r.name ? 'default'
  limit 1;

  if v_name is not null then
    return jsonb_build_object('parameter', v_name, 'required', true);
  end if;
  return null;
end;
$$;

revoke all on function private.parameters_fault from public, anon, authenticated, service_role;

-- Raises invalid_parameters for a fault that parameters_fault() or parameter_schema_fault() has found.
create function private.refuse_parameters(fault jsonb, of_what text)
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_parameter text := refuse_parameters.fault ->> 'parameter';
  v_keyword text;
  v_bound jsonb;
begin
  select f.key, f.value
  into v_keyword, v_bound
  from jsonb_each(refuse_parameters.fault) as f
  where f.key <> 'parameter';

  perform private.raise_error(
    'invalid_parameters',
    case v_keyword
      when 'keyword' then format(
        'Correct %s in the parameter schema of %s%s.',
        v_bound #>> '{}', refuse_parameters.of_what, coalesce(format(', parameter "%s"', v_parameter), '')
      )
      when 'additionalProperties' then format('Leave out "%s": %s has no such parameter.', v_parameter, refuse_parameters.of_what)
      when 'required' then format('Give "%s": %s needs it.', v_parameter, refuse_parameters.of_what)
      when 'minimum' then format('"%s" of %s must be at least %s.', v_parameter, refuse_parameters.of_what, v_bound)
      when 'maximum' then format('"%s" of %s must be at most %s.', v_parameter, refuse_parameters.of_what, v_bound)
      when 'multipleOf' then format('"%s" of %s must be a multiple of %s.', v_parameter, refuse_parameters.of_what, v_bound)
      when 'enum' then format('"%s" of %s must be one of %s.', v_parameter, refuse_parameters.of_what, v_bound)
      else format('"%s" of %s must be of type %s.', v_parameter, refuse_parameters.of_what, v_bound #>> '{}')
    end,
    refuse_parameters.fault
  );
end;
$$;

revoke all on function private.refuse_parameters from public, anon, authenticated, service_role;

-- Searches those indicators of the library that the caller may see. The indicator with exactly this name comes
-- first, then names that begin with it, then the rest by rank.
create function private.search_indicators(search text, type text, category text, page_size integer, page integer)
returns setof public.indicators
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_user_id uuid := private.reader_id();
  v_page_size integer := coalesce(search_indicators.page_size, 20);
  v_page integer := coalesce(search_indicators.page, 1);
  v_query tsquery := private.search_query(search_indicators.search);
  v_name text := lower(btrim(search_indicators.search));
begin
  if v_page_size not between 1 and 100 then
    perform private.raise_error(
      'invalid_argument', 'page_size must be between 1 and 100.',
      '{"argument": "page_size", "minimum": 1, "maximum": 100}'
    );
  elsif v_page < 1 then
    perform private.raise_error(
      'invalid_argument', 'page must be 1 or more: pages are counted from 1.', '{"argument": "page", "minimum": 1}'
    );
  elsif char_length(search_indicators.category) > 200 then
    perform private.raise_error(
      'invalid_argument', 'Give a category of at most 200 characters.', '{"argument": "category", "maximum": 200}'
    );
  end if;
  perform private.check_argument('indicators_type_known', search_indicators.type);

  return query
  select
    i.id, i.name, i.description, i.category, i.type, i.parameters, i.defaults,
    i.created_at, i.created_by, i.is_custom, i.is_public, i.accuracy_rating
  from public.indicators as i
  cross join lateral (
    select private.search_words(i.name, i.category || ' ' || i.type, i.description)
  ) as w (words)
  where (i.is_public or i.created_by = v_user_id)
    and (search_indicators.type is null or i.type = search_indicators.type)
    and (search_indicators.category is null or lower(i.category) = lower(btrim(search_indicators.category)))
    and (v_query is null or w.words @@ v_query)
  order by
    lower(i.name) = v_name desc,
    starts_with(lower(i.name), v_name) desc,
    ts_rank(w.words, v_query) desc,
    lower(i.name),
    i.id
  limit v_page_size
  offset (v_page - 1)::bigint * v_page_size;
end;
$$;

create function public.search_indicators(
  search text default null,
  type text default null,
  category text default null,
  page_size integer default null,
  page integer default null
)
returns setof public.indicators
language sql
stable
security invoker
set search_path = ''
begin atomic
  select i from private.search_indicators(search, type, category, page_size, page) as i;
end;

comment on function public.search_indicators(text, text, text, integer, integer) is
  'Indicators by words, type and category, best match first; pages of page_size (1 to 100, 20 by default), from 1.';

revoke all on function private.search_indicators, public.search_indicators
  from public, anon, authenticated, service_role;
grant execute on function private.search_indicators, public.search_indicators to anon, authenticated, service_role;

-- Turns what a user typed into a full-text query: each word must be found, as the beginning of a word or by its
-- stem. Returns null where nothing was typed that can be searched. The length is checked before anything is parsed,
-- because parsing 200 KB takes seconds.
create function private.search_query(search text)
returns tsquery
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_words text;
begin
  if char_length(search_query.search) > 200 then
    perform private.raise_error(
      'invalid_argument', 'search must have at most 200 characters.', '{"argument": "search", "maximum": 200}'
    );
  end if;

  select string_agg(t.word || ':*', ' & ')
  into v_words
  from regexp_split_to_table(lower(search_query.search), '[^[:alnum:]]+') as t (word)
  where t.word <> '';

  return to_tsquery('simple', v_words) || to_tsquery('english', v_words);
end;
$$;

revoke all on function private.search_query from public, anon, authenticated, service_role;

-- The indicator library: the rows that every project starts with. A strategy refers to them
-- by id, so ids never change; a later migration revises a row by the same statement.
--
-- Parameters are the customary ones under the names of Pine Script's inputs, with the values
-- that their authors and the usual charting programs start from. Each row says what can be
-- set; that nothing else can, and the defaults, follow from it.
insert into public.indicators (id, name, type, category, description, parameters, defaults)
select
  library.id,
  library.name,
  library.type,
  library.category,
  library.description,
  library.schema,
  private.parameter_defaults(library.schema)
from (
  select
    l.id::uuid as id,
    l.name,
    l.type,
    l.category,
    l.description,
    jsonb_build_object('type', 'object', 'properties', l.properties::jsonb, 'additionalProperties', false) as schema
  from (
    values
      (
        '1d000000-0000-4000-8000-000000000001', 'SMA', 'trend', 'moving averages',
        'Simple Moving Average: the mean of the last prices, each with the same weight.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 20, "minimum": 1, "maximum": 500},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000002', 'EMA', 'trend', 'moving averages',
        'Exponential Moving Average: a mean in which each older price weighs less by a constant factor, so that it turns sooner than a simple one.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 20, "minimum": 1, "maximum": 500},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000003', 'WMA', 'trend', 'moving averages',
        'Weighted Moving Average: a mean whose weights fall in a straight line from the newest price to the oldest.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 20, "minimum": 1, "maximum": 500},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000004', 'SMMA', 'trend', 'moving averages',
        'Smoothed Moving Average, also RMA: Wilder''s average, an exponential one that gives each new price a weight of one over the length.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 14, "minimum": 1, "maximum": 500},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000005', 'HMA', 'trend', 'moving averages',
        'Hull Moving Average: two weighted averages combined to take out most of the lag, then smoothed over the square root of the length.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 9, "minimum": 2, "maximum": 500},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000006', 'DEMA', 'trend', 'moving averages',
        'Double Exponential Moving Average: twice the exponential average less the average of that average, which follows prices more closely.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 20, "minimum": 1, "maximum": 500},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000007', 'TEMA', 'trend', 'moving averages',
        'Triple Exponential Moving Average: three nested exponential averages combined so that their lags cancel out.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 20, "minimum": 1, "maximum": 500},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000008', 'VWMA', 'trend', 'moving averages',
        'Volume Weighted Moving Average: a mean in which a price counts as much as was traded at it.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 20, "minimum": 1, "maximum": 500},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000009', 'KAMA', 'trend', 'moving averages',
        'Kaufman Adaptive Moving Average: fast while the market moves one way, slow while it only makes noise.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 10, "minimum": 2, "maximum": 500},
          "fast_length": {"type": "integer", "title": "Fast length", "default": 2, "minimum": 1, "maximum": 100},
          "slow_length": {"type": "integer", "title": "Slow length", "default": 30, "minimum": 2, "maximum": 500},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000010', 'ALMA', 'trend', 'moving averages',
        'Arnaud Legoux Moving Average: weights in the shape of a bell that is set off towards the newest prices.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 9, "minimum": 1, "maximum": 500},
          "offset": {"type": "number", "title": "Offset", "default": 0.85, "minimum": 0, "maximum": 1},
          "sigma": {"type": "number", "title": "Sigma", "default": 6, "minimum": 0.1, "maximum": 50},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000011', 'T3', 'trend', 'moving averages',
        'Tillson T3: six nested exponential averages mixed by a volume factor, smooth with little lag.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 5, "minimum": 1, "maximum": 500},
          "factor": {"type": "number", "title": "Volume factor", "default": 0.7, "minimum": 0, "maximum": 1},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000012', 'ZLEMA', 'trend', 'moving averages',
        'Zero Lag Exponential Moving Average: an exponential average of prices to which their own recent change was added.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 20, "minimum": 1, "maximum": 500},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000013', 'LSMA', 'trend', 'moving averages',
        'Least Squares Moving Average: the end of the straight line that fits the last prices best.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 25, "minimum": 2, "maximum": 500},
          "offset": {"type": "integer", "title": "Offset", "default": 0, "minimum": -100, "maximum": 100},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000014', 'McGinley Dynamic', 'trend', 'moving averages',
        'An average that adjusts its own speed to that of the market, made to hug prices and avoid whipsaws.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 14, "minimum": 1, "maximum": 500},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000015', 'VWAP', 'trend', 'volume',
        'Volume Weighted Average Price: the mean price of what was traded since the anchor, with bands of its deviation.',
        '{
          "anchor": {"type": "string", "title": "Anchor", "default": "session", "enum": ["session", "week", "month", "quarter", "year"]},
          "source": {"type": "string", "title": "Source", "default": "hlc3", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]},
          "band_multiplier": {"type": "number", "title": "Band multiplier", "default": 1, "minimum": 0.1, "maximum": 10}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000016', 'Moving Average Ribbon', 'trend', 'moving averages',
        'Several averages of growing length drawn together: fanned out they show a trend, tangled a range.',
        '{
          "ma_type": {"type": "string", "title": "Average", "default": "EMA", "enum": ["SMA", "EMA", "SMMA", "WMA"]},
          "shortest": {"type": "integer", "title": "Shortest length", "default": 10, "minimum": 1, "maximum": 500},
          "step": {"type": "integer", "title": "Step", "default": 10, "minimum": 1, "maximum": 100},
          "count": {"type": "integer", "title": "Number of lines", "default": 6, "minimum": 2, "maximum": 12},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000017', 'Moving Average Cross', 'entry', 'moving averages',
        'Enters when a fast average crosses a slow one. With 50 and 200 days this is the golden cross and the death cross.',
        '{
          "fast_length": {"type": "integer", "title": "Fast length", "default": 50, "minimum": 1, "maximum": 500},
          "slow_length": {"type": "integer", "title": "Slow length", "default": 200, "minimum": 2, "maximum": 1000},
          "ma_type": {"type": "string", "title": "Average", "default": "SMA", "enum": ["SMA", "EMA", "SMMA", "WMA"]},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000018', 'Moving Average Envelope', 'entry', 'moving averages',
        'Lines at a fixed percentage above and below an average; prices beyond them are stretched.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 20, "minimum": 1, "maximum": 500},
          "percent": {"type": "number", "title": "Percent", "default": 2.5, "minimum": 0.1, "maximum": 50},
          "ma_type": {"type": "string", "title": "Average", "default": "SMA", "enum": ["SMA", "EMA", "SMMA", "WMA"]},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000019', 'RSI', 'entry', 'momentum',
        'Relative Strength Index: average gains against average losses on a scale from 0 to 100. Above 70 a market counts as overbought, below 30 as oversold.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 14, "minimum": 2, "maximum": 500},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]},
          "overbought": {"type": "number", "title": "Overbought", "default": 70, "minimum": 50, "maximum": 100},
          "oversold": {"type": "number", "title": "Oversold", "default": 30, "minimum": 0, "maximum": 50}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000020', 'MACD', 'entry', 'momentum',
        'Moving Average Convergence Divergence: the distance between a fast and a slow exponential average, with a signal line that averages it.',
        '{
          "fast_length": {"type": "integer", "title": "Fast length", "default": 12, "minimum": 1, "maximum": 500},
          "slow_length": {"type": "integer", "title": "Slow length", "default": 26, "minimum": 2, "maximum": 1000},
          "signal_length": {"type": "integer", "title": "Signal length", "default": 9, "minimum": 1, "maximum": 200},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000021', 'Stochastic Oscillator', 'entry', 'momentum',
        'Where the close stands in the range of the last bars, in percent (%K), with an average of that (%D).',
        '{
          "k_length": {"type": "integer", "title": "%K length", "default": 14, "minimum": 1, "maximum": 500},
          "k_smoothing": {"type": "integer", "title": "%K smoothing", "default": 1, "minimum": 1, "maximum": 100},
          "d_smoothing": {"type": "integer", "title": "%D smoothing", "default": 3, "minimum": 1, "maximum": 100},
          "overbought": {"type": "number", "title": "Overbought", "default": 80, "minimum": 50, "maximum": 100},
          "oversold": {"type": "number", "title": "Oversold", "default": 20, "minimum": 0, "maximum": 50}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000022', 'Stochastic RSI', 'entry', 'momentum',
        'The stochastic oscillator of the RSI in place of the price: quicker to reach its extremes.',
        '{
          "rsi_length": {"type": "integer", "title": "RSI length", "default": 14, "minimum": 2, "maximum": 500},
          "stochastic_length": {"type": "integer", "title": "Stochastic length", "default": 14, "minimum": 1, "maximum": 500},
          "k_smoothing": {"type": "integer", "title": "%K smoothing", "default": 3, "minimum": 1, "maximum": 100},
          "d_smoothing": {"type": "integer", "title": "%D smoothing", "default": 3, "minimum": 1, "maximum": 100},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000023', 'CCI', 'entry', 'momentum',
        'Commodity Channel Index: how far the typical price is from its average, in units of its mean deviation. Beyond 100 either way is unusual.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 20, "minimum": 2, "maximum": 500},
          "source": {"type": "string", "title": "Source", "default": "hlc3", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]},
          "upper": {"type": "number", "title": "Upper level", "default": 100, "minimum": 0, "maximum": 500},
          "lower": {"type": "number", "title": "Lower level", "default": -100, "minimum": -500, "maximum": 0}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000024', 'Williams %R', 'entry', 'momentum',
        'Where the close stands below the highest high of the last bars, from 0 at the top to -100 at the bottom.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 14, "minimum": 1, "maximum": 500},
          "overbought": {"type": "number", "title": "Overbought", "default": -20, "minimum": -50, "maximum": 0},
          "oversold": {"type": "number", "title": "Oversold", "default": -80, "minimum": -100, "maximum": -50}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000025', 'ROC', 'entry', 'momentum',
        'Rate of Change: the change of the price over a number of bars in percent.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 9, "minimum": 1, "maximum": 500},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000026', 'Momentum', 'entry', 'momentum',
        'The difference between the price now and the price a number of bars ago.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 10, "minimum": 1, "maximum": 500},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000027', 'Awesome Oscillator', 'entry', 'momentum',
        'A short simple average of the middle prices less a long one, after Bill Williams.',
        '{
          "fast_length": {"type": "integer", "title": "Fast length", "default": 5, "minimum": 1, "maximum": 500},
          "slow_length": {"type": "integer", "title": "Slow length", "default": 34, "minimum": 2, "maximum": 1000}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000028', 'Ultimate Oscillator', 'entry', 'momentum',
        'Buying pressure over three spans weighed together, so that one span alone does not mislead.',
        '{
          "short_length": {"type": "integer", "title": "Short length", "default": 7, "minimum": 1, "maximum": 200},
          "middle_length": {"type": "integer", "title": "Middle length", "default": 14, "minimum": 2, "maximum": 400},
          "long_length": {"type": "integer", "title": "Long length", "default": 28, "minimum": 3, "maximum": 800}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000029', 'TRIX', 'entry', 'momentum',
        'The rate of change of a price that was averaged exponentially three times; small moves are filtered out.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 18, "minimum": 1, "maximum": 500},
          "signal_length": {"type": "integer", "title": "Signal length", "default": 9, "minimum": 1, "maximum": 200},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000030', 'TSI', 'entry', 'momentum',
        'True Strength Index: price changes smoothed twice, against their absolute size.',
        '{
          "long_length": {"type": "integer", "title": "Long length", "default": 25, "minimum": 1, "maximum": 500},
          "short_length": {"type": "integer", "title": "Short length", "default": 13, "minimum": 1, "maximum": 500},
          "signal_length": {"type": "integer", "title": "Signal length", "default": 13, "minimum": 1, "maximum": 200},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000031', 'PPO', 'entry', 'momentum',
        'Percentage Price Oscillator: the MACD in percent of the slow average, so that different prices compare.',
        '{
          "fast_length": {"type": "integer", "title": "Fast length", "default": 12, "minimum": 1, "maximum": 500},
          "slow_length": {"type": "integer", "title": "Slow length", "default": 26, "minimum": 2, "maximum": 1000},
          "signal_length": {"type": "integer", "title": "Signal length", "default": 9, "minimum": 1, "maximum": 200},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000032', 'CMO', 'entry', 'momentum',
        'Chande Momentum Oscillator: sum of gains less sum of losses over the sum of both, from -100 to 100.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 9, "minimum": 1, "maximum": 500},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000033', 'DPO', 'entry', 'momentum',
        'Detrended Price Oscillator: the price against an average that is shifted back, which leaves the cycles and takes the trend out.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 21, "minimum": 2, "maximum": 500},
          "centered": {"type": "boolean", "title": "Centered", "default": false},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000034', 'Relative Vigor Index', 'entry', 'momentum',
        'Closes against opens in relation to the range of the bars: strong markets tend to close near their highs.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 10, "minimum": 1, "maximum": 500},
          "signal_length": {"type": "integer", "title": "Signal length", "default": 4, "minimum": 1, "maximum": 100}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000035', 'KST', 'entry', 'momentum',
        'Know Sure Thing: four smoothed rates of change added with growing weight, after Martin Pring.',
        '{
          "roc_length_1": {"type": "integer", "title": "ROC length 1", "default": 10, "minimum": 1, "maximum": 200},
          "roc_length_2": {"type": "integer", "title": "ROC length 2", "default": 15, "minimum": 1, "maximum": 200},
          "roc_length_3": {"type": "integer", "title": "ROC length 3", "default": 20, "minimum": 1, "maximum": 200},
          "roc_length_4": {"type": "integer", "title": "ROC length 4", "default": 30, "minimum": 1, "maximum": 200},
          "sma_length_1": {"type": "integer", "title": "SMA length 1", "default": 10, "minimum": 1, "maximum": 200},
          "sma_length_2": {"type": "integer", "title": "SMA length 2", "default": 10, "minimum": 1, "maximum": 200},
          "sma_length_3": {"type": "integer", "title": "SMA length 3", "default": 10, "minimum": 1, "maximum": 200},
          "sma_length_4": {"type": "integer", "title": "SMA length 4", "default": 15, "minimum": 1, "maximum": 200},
          "signal_length": {"type": "integer", "title": "Signal length", "default": 9, "minimum": 1, "maximum": 100}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000036', 'Fisher Transform', 'entry', 'momentum',
        'Prices turned into a nearly normal distribution, whose sharp peaks mark turning points.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 9, "minimum": 1, "maximum": 500},
          "source": {"type": "string", "title": "Source", "default": "hl2", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000037', 'Coppock Curve', 'entry', 'momentum',
        'A weighted average of two rates of change, made for monthly bars to find the ends of long declines.',
        '{
          "wma_length": {"type": "integer", "title": "WMA length", "default": 10, "minimum": 1, "maximum": 200},
          "long_roc_length": {"type": "integer", "title": "Long ROC length", "default": 14, "minimum": 1, "maximum": 200},
          "short_roc_length": {"type": "integer", "title": "Short ROC length", "default": 11, "minimum": 1, "maximum": 200},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000038', 'Connors RSI', 'entry', 'momentum',
        'The mean of a short RSI, the RSI of the length of a winning or losing streak, and the percent rank of the last change.',
        '{
          "rsi_length": {"type": "integer", "title": "RSI length", "default": 3, "minimum": 2, "maximum": 100},
          "streak_length": {"type": "integer", "title": "Streak RSI length", "default": 2, "minimum": 2, "maximum": 100},
          "rank_length": {"type": "integer", "title": "Percent rank length", "default": 100, "minimum": 2, "maximum": 500}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000039', 'Balance of Power', 'entry', 'momentum',
        'The close less the open over the range of the bar: who had the upper hand, buyers or sellers.',
        '{
          "length": {"type": "integer", "title": "Smoothing", "default": 14, "minimum": 1, "maximum": 500}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000040', 'Elder Ray', 'entry', 'momentum',
        'Bull power and bear power: the high and the low against an exponential average.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 13, "minimum": 1, "maximum": 500},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000041', 'Bollinger Bands', 'entry', 'volatility',
        'Bands a number of standard deviations around an average: narrow in quiet markets, wide in restless ones.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 20, "minimum": 2, "maximum": 500},
          "multiplier": {"type": "number", "title": "Standard deviations", "default": 2, "minimum": 0.1, "maximum": 10},
          "ma_type": {"type": "string", "title": "Average", "default": "SMA", "enum": ["SMA", "EMA", "SMMA", "WMA"]},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000042', 'Bollinger %B', 'entry', 'volatility',
        'Where the price stands between the Bollinger bands: 0 at the lower one, 1 at the upper one.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 20, "minimum": 2, "maximum": 500},
          "multiplier": {"type": "number", "title": "Standard deviations", "default": 2, "minimum": 0.1, "maximum": 10},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000043', 'Bollinger BandWidth', 'entry', 'volatility',
        'The distance of the Bollinger bands in relation to their middle; a low value often precedes a break.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 20, "minimum": 2, "maximum": 500},
          "multiplier": {"type": "number", "title": "Standard deviations", "default": 2, "minimum": 0.1, "maximum": 10},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000044', 'Keltner Channels', 'entry', 'volatility',
        'Lines a multiple of the average true range around an exponential average.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 20, "minimum": 1, "maximum": 500},
          "multiplier": {"type": "number", "title": "ATR multiplier", "default": 2, "minimum": 0.1, "maximum": 10},
          "atr_length": {"type": "integer", "title": "ATR length", "default": 10, "minimum": 1, "maximum": 500},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000045', 'Donchian Channels', 'entry', 'volatility',
        'The highest high and the lowest low of the last bars. A break of the twenty-day channel was the turtles'' entry.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 20, "minimum": 1, "maximum": 500}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000046', 'ATR', 'stop_loss', 'volatility',
        'Average True Range: the usual size of a bar with its gap, in price units. The measure that stops and position sizes are set by.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 14, "minimum": 1, "maximum": 500},
          "smoothing": {"type": "string", "title": "Smoothing", "default": "RMA", "enum": ["RMA", "SMA", "EMA", "WMA"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000047', 'Standard Deviation', 'trend', 'volatility',
        'How far prices scatter around their mean.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 20, "minimum": 2, "maximum": 500},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000048', 'Historical Volatility', 'trend', 'volatility',
        'The standard deviation of logarithmic returns, as a yearly rate.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 10, "minimum": 2, "maximum": 500},
          "periods_per_year": {"type": "integer", "title": "Periods in a year", "default": 365, "minimum": 1, "maximum": 525600}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000049', 'Chaikin Volatility', 'trend', 'volatility',
        'The rate of change of the average range between high and low.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 10, "minimum": 1, "maximum": 500},
          "roc_length": {"type": "integer", "title": "ROC length", "default": 10, "minimum": 1, "maximum": 200}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000050', 'TTM Squeeze', 'entry', 'volatility',
        'Bollinger bands inside Keltner channels show a market that is winding up; the break is traded with momentum.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 20, "minimum": 2, "maximum": 500},
          "bollinger_multiplier": {"type": "number", "title": "Bollinger multiplier", "default": 2, "minimum": 0.1, "maximum": 10},
          "keltner_multiplier": {"type": "number", "title": "Keltner multiplier", "default": 1.5, "minimum": 0.1, "maximum": 10}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000051', 'Mass Index', 'entry', 'volatility',
        'The sum of a ratio of averaged ranges: when it bulges and falls back, a reversal is likely.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 25, "minimum": 1, "maximum": 500},
          "ema_length": {"type": "integer", "title": "EMA length", "default": 9, "minimum": 1, "maximum": 100},
          "bulge": {"type": "number", "title": "Reversal bulge", "default": 27, "minimum": 20, "maximum": 40},
          "trigger": {"type": "number", "title": "Trigger", "default": 26.5, "minimum": 20, "maximum": 40}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000052', 'Price Channel Breakout', 'entry', 'volatility',
        'Enters when the close leaves the range of the last bars by a margin.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 20, "minimum": 1, "maximum": 500},
          "margin_percent": {"type": "number", "title": "Margin in percent", "default": 0, "minimum": 0, "maximum": 20}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000053', 'Opening Range Breakout', 'entry', 'volatility',
        'Enters when the price leaves the range of the first minutes of a session.',
        '{
          "minutes": {"type": "integer", "title": "Minutes", "default": 30, "minimum": 1, "maximum": 240},
          "margin_percent": {"type": "number", "title": "Margin in percent", "default": 0, "minimum": 0, "maximum": 10}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000054', 'OBV', 'trend', 'volume',
        'On Balance Volume: a running total that adds the volume of rising bars and takes off that of falling ones.',
        '{
          "signal_length": {"type": "integer", "title": "Signal length", "default": 20, "minimum": 1, "maximum": 200}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000055', 'MFI', 'entry', 'volume',
        'Money Flow Index: the RSI with each bar weighed by its volume.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 14, "minimum": 2, "maximum": 500},
          "overbought": {"type": "number", "title": "Overbought", "default": 80, "minimum": 50, "maximum": 100},
          "oversold": {"type": "number", "title": "Oversold", "default": 20, "minimum": 0, "maximum": 50}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000056', 'Chaikin Money Flow', 'trend', 'volume',
        'Volume weighed by where each bar closed in its range, over the volume of all bars: buying or selling pressure.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 20, "minimum": 1, "maximum": 500}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000057', 'Accumulation/Distribution', 'trend', 'volume',
        'A running total of volume, weighed by where each bar closed in its range.',
        '{
          "signal_length": {"type": "integer", "title": "Signal length", "default": 20, "minimum": 1, "maximum": 200}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000058', 'Chaikin Oscillator', 'entry', 'volume',
        'The MACD of the accumulation/distribution line: momentum of money coming in or going out.',
        '{
          "fast_length": {"type": "integer", "title": "Fast length", "default": 3, "minimum": 1, "maximum": 200},
          "slow_length": {"type": "integer", "title": "Slow length", "default": 10, "minimum": 2, "maximum": 500}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000059', 'Volume Oscillator', 'entry', 'volume',
        'The difference of two volume averages in percent: whether trading picks up or dries out.',
        '{
          "short_length": {"type": "integer", "title": "Short length", "default": 5, "minimum": 1, "maximum": 200},
          "long_length": {"type": "integer", "title": "Long length", "default": 10, "minimum": 2, "maximum": 500}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000060', 'Price Volume Trend', 'trend', 'volume',
        'A running total of volume times the relative change of the price.',
        '{
          "signal_length": {"type": "integer", "title": "Signal length", "default": 20, "minimum": 1, "maximum": 200}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000061', 'Ease of Movement', 'entry', 'volume',
        'How far the price moves for the volume it takes; high where it moves easily.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 14, "minimum": 1, "maximum": 500},
          "divisor": {"type": "integer", "title": "Divisor", "default": 10000, "minimum": 1, "maximum": 1000000000}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000062', 'Force Index', 'entry', 'volume',
        'The change of the price times the volume, smoothed: the force behind a move, after Alexander Elder.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 13, "minimum": 1, "maximum": 500}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000063', 'Relative Volume', 'entry', 'volume',
        'Volume in relation to its average; a break on high relative volume is more credible.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 20, "minimum": 1, "maximum": 500},
          "threshold": {"type": "number", "title": "Threshold", "default": 1.5, "minimum": 0.1, "maximum": 20}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000064', 'Klinger Oscillator', 'entry', 'volume',
        'The difference of two averages of volume force, to tell long flows of money from short swings.',
        '{
          "fast_length": {"type": "integer", "title": "Fast length", "default": 34, "minimum": 1, "maximum": 200},
          "slow_length": {"type": "integer", "title": "Slow length", "default": 55, "minimum": 2, "maximum": 500},
          "signal_length": {"type": "integer", "title": "Signal length", "default": 13, "minimum": 1, "maximum": 100}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000065', 'Negative Volume Index', 'trend', 'volume',
        'Follows the price only on bars with less volume than the one before, when informed money is said to act.',
        '{
          "ema_length": {"type": "integer", "title": "EMA length", "default": 255, "minimum": 1, "maximum": 500}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000066', 'ADX', 'trend', 'trend strength',
        'Average Directional Index: how strong a trend is, whichever way it goes. Above 25 a market counts as trending.',
        '{
          "adx_smoothing": {"type": "integer", "title": "ADX smoothing", "default": 14, "minimum": 1, "maximum": 200},
          "di_length": {"type": "integer", "title": "DI length", "default": 14, "minimum": 1, "maximum": 200},
          "threshold": {"type": "number", "title": "Trend threshold", "default": 25, "minimum": 0, "maximum": 100}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000067', 'DMI', 'entry', 'trend strength',
        'Directional Movement Index: enters when the upward line +DI crosses the downward line -DI.',
        '{
          "di_length": {"type": "integer", "title": "DI length", "default": 14, "minimum": 1, "maximum": 200},
          "adx_smoothing": {"type": "integer", "title": "ADX smoothing", "default": 14, "minimum": 1, "maximum": 200}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000068', 'Supertrend', 'trend', 'trend strength',
        'A line a multiple of the average true range from the middle price that changes sides when it is crossed.',
        '{
          "atr_length": {"type": "integer", "title": "ATR length", "default": 10, "minimum": 1, "maximum": 500},
          "multiplier": {"type": "number", "title": "ATR multiplier", "default": 3, "minimum": 0.1, "maximum": 20}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000069', 'Ichimoku Cloud', 'trend', 'trend strength',
        'Five lines that show support, resistance, direction and momentum at once; above the cloud the trend is up.',
        '{
          "conversion_length": {"type": "integer", "title": "Conversion line length", "default": 9, "minimum": 1, "maximum": 200},
          "base_length": {"type": "integer", "title": "Base line length", "default": 26, "minimum": 1, "maximum": 400},
          "span_b_length": {"type": "integer", "title": "Leading span B length", "default": 52, "minimum": 1, "maximum": 800},
          "displacement": {"type": "integer", "title": "Displacement", "default": 26, "minimum": 1, "maximum": 200}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000070', 'Parabolic SAR', 'exit', 'trend strength',
        'Stop and reverse: dots that follow the price ever faster, and change sides when they are touched.',
        '{
          "start": {"type": "number", "title": "Start", "default": 0.02, "minimum": 0.001, "maximum": 1},
          "increment": {"type": "number", "title": "Increment", "default": 0.02, "minimum": 0.001, "maximum": 1},
          "maximum": {"type": "number", "title": "Maximum", "default": 0.2, "minimum": 0.01, "maximum": 1}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000071', 'Aroon', 'trend', 'trend strength',
        'How many bars ago the highest high and the lowest low were, in percent of the span.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 14, "minimum": 1, "maximum": 500}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000072', 'Vortex', 'trend', 'trend strength',
        'Upward against downward movement between neighbouring bars; a cross of its two lines starts a trend.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 14, "minimum": 2, "maximum": 500}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000073', 'Choppiness Index', 'trend', 'trend strength',
        'Whether a market trends or moves sideways: above 61.8 choppy, below 38.2 trending.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 14, "minimum": 2, "maximum": 500},
          "choppy": {"type": "number", "title": "Choppy above", "default": 61.8, "minimum": 0, "maximum": 100},
          "trending": {"type": "number", "title": "Trending below", "default": 38.2, "minimum": 0, "maximum": 100}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000074', 'Linear Regression Channel', 'trend', 'trend strength',
        'The straight line that fits the last prices best, with lines a number of deviations above and below.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 100, "minimum": 2, "maximum": 1000},
          "deviations": {"type": "number", "title": "Deviations", "default": 2, "minimum": 0.1, "maximum": 10},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000075', 'Linear Regression Slope', 'trend', 'trend strength',
        'How steeply the straight line that fits the last prices rises or falls.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 14, "minimum": 2, "maximum": 500},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000076', 'Williams Alligator', 'trend', 'trend strength',
        'Three smoothed averages shifted ahead, as jaw, teeth and lips: apart in a trend, entwined without one.',
        '{
          "jaw_length": {"type": "integer", "title": "Jaw length", "default": 13, "minimum": 1, "maximum": 200},
          "jaw_offset": {"type": "integer", "title": "Jaw offset", "default": 8, "minimum": 0, "maximum": 100},
          "teeth_length": {"type": "integer", "title": "Teeth length", "default": 8, "minimum": 1, "maximum": 200},
          "teeth_offset": {"type": "integer", "title": "Teeth offset", "default": 5, "minimum": 0, "maximum": 100},
          "lips_length": {"type": "integer", "title": "Lips length", "default": 5, "minimum": 1, "maximum": 200},
          "lips_offset": {"type": "integer", "title": "Lips offset", "default": 3, "minimum": 0, "maximum": 100}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000077', 'Random Walk Index', 'trend', 'trend strength',
        'Compares the distance that a price has moved with what chance alone would give.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 14, "minimum": 2, "maximum": 500}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000078', 'Schaff Trend Cycle', 'entry', 'trend strength',
        'A stochastic of the MACD, taken twice: finds trends sooner than the MACD does.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 10, "minimum": 1, "maximum": 500},
          "fast_length": {"type": "integer", "title": "Fast length", "default": 23, "minimum": 1, "maximum": 200},
          "slow_length": {"type": "integer", "title": "Slow length", "default": 50, "minimum": 2, "maximum": 500},
          "factor": {"type": "number", "title": "Smoothing factor", "default": 0.5, "minimum": 0.01, "maximum": 1}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000079', 'Engulfing', 'entry', 'patterns',
        'A candle whose body covers the one before in the other direction: a sign of reversal.',
        '{
          "direction": {"type": "string", "title": "Direction", "default": "both", "enum": ["bullish", "bearish", "both"]},
          "minimum_body_percent": {"type": "number", "title": "Smallest body in percent of the range", "default": 50, "minimum": 0, "maximum": 100}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000080', 'Hammer', 'entry', 'patterns',
        'A small body at the top of a long lower shadow after a fall; at the end of a rise it is the hanging man.',
        '{
          "shadow_ratio": {"type": "number", "title": "Shadow to body", "default": 2, "minimum": 1, "maximum": 10}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000081', 'Doji', 'entry', 'patterns',
        'A candle that closes where it opened: neither side has won.',
        '{
          "body_percent": {"type": "number", "title": "Largest body in percent of the range", "default": 5, "minimum": 0, "maximum": 50}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000082', 'Morning Star', 'entry', 'patterns',
        'A falling candle, a small one below it and a rising one that closes well into the first; its mirror image is the evening star.',
        '{
          "direction": {"type": "string", "title": "Direction", "default": "both", "enum": ["bullish", "bearish", "both"]},
          "penetration_percent": {"type": "number", "title": "Penetration in percent", "default": 50, "minimum": 0, "maximum": 100}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000083', 'Three White Soldiers', 'entry', 'patterns',
        'Three long rising candles in a row, each opening within the body before; falling they are the three black crows.',
        '{
          "direction": {"type": "string", "title": "Direction", "default": "both", "enum": ["bullish", "bearish", "both"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000084', 'Inside Bar', 'entry', 'patterns',
        'A bar within the range of the one before; the break of that range is traded.',
        '{
          "mother_bars": {"type": "integer", "title": "Bars inside", "default": 1, "minimum": 1, "maximum": 10}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000085', 'Pin Bar', 'entry', 'patterns',
        'A long shadow on one side and a small body at the other end: a price level was refused.',
        '{
          "shadow_percent": {"type": "number", "title": "Shadow in percent of the range", "default": 66, "minimum": 50, "maximum": 95},
          "direction": {"type": "string", "title": "Direction", "default": "both", "enum": ["bullish", "bearish", "both"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000086', 'Heikin Ashi', 'trend', 'patterns',
        'Averaged candles that smooth out single bars; a run of one colour is a trend.',
        '{
          "confirmation_bars": {"type": "integer", "title": "Bars of one colour", "default": 2, "minimum": 1, "maximum": 20}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000087', 'ZigZag', 'trend', 'patterns',
        'Joins the swings that are larger than a given percentage and leaves out the rest.',
        '{
          "deviation_percent": {"type": "number", "title": "Deviation in percent", "default": 5, "minimum": 0.1, "maximum": 100},
          "depth": {"type": "integer", "title": "Depth", "default": 10, "minimum": 1, "maximum": 200}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000088', 'Williams Fractals', 'entry', 'patterns',
        'A high with lower highs, or a low with higher lows, on both sides.',
        '{
          "periods": {"type": "integer", "title": "Bars on each side", "default": 2, "minimum": 1, "maximum": 50}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000089', 'Pivot Points', 'entry', 'patterns',
        'Levels of support and resistance from the high, low and close of the last period.',
        '{
          "method": {"type": "string", "title": "Method", "default": "traditional", "enum": ["traditional", "fibonacci", "woodie", "classic", "camarilla", "demark"]},
          "period": {"type": "string", "title": "Period", "default": "day", "enum": ["day", "week", "month", "year"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000090', 'Gap', 'entry', 'patterns',
        'An open beyond the range of the bar before, traded in its direction or for its closing.',
        '{
          "minimum_percent": {"type": "number", "title": "Smallest gap in percent", "default": 1, "minimum": 0.1, "maximum": 50},
          "trade": {"type": "string", "title": "Trade", "default": "fade", "enum": ["fade", "follow"]}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000091', 'Take Profit', 'exit', 'risk',
        'Closes the position at a fixed gain in percent.',
        '{
          "percent": {"type": "number", "title": "Percent", "default": 5, "minimum": 0.1, "maximum": 1000}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000092', 'ATR Target', 'exit', 'risk',
        'Closes the position at a gain of a multiple of the average true range at entry.',
        '{
          "atr_length": {"type": "integer", "title": "ATR length", "default": 14, "minimum": 1, "maximum": 500},
          "multiplier": {"type": "number", "title": "ATR multiplier", "default": 3, "minimum": 0.1, "maximum": 50}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000093', 'Risk Reward Target', 'exit', 'risk',
        'Closes the position at a multiple of what was risked at entry.',
        '{
          "ratio": {"type": "number", "title": "Reward to risk", "default": 2, "minimum": 0.1, "maximum": 50}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000094', 'Time Exit', 'exit', 'risk',
        'Closes the position after a number of bars, whatever it is worth.',
        '{
          "bars": {"type": "integer", "title": "Bars", "default": 10, "minimum": 1, "maximum": 10000}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000095', 'Session Close Exit', 'exit', 'risk',
        'Closes the position a number of minutes before the session ends, so that nothing is held over night.',
        '{
          "minutes_before": {"type": "integer", "title": "Minutes before the close", "default": 5, "minimum": 0, "maximum": 240}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000096', 'Partial Take Profit', 'exit', 'risk',
        'Closes a part of the position at a first target and lets the rest run.',
        '{
          "target_percent": {"type": "number", "title": "First target in percent", "default": 3, "minimum": 0.1, "maximum": 1000},
          "part_percent": {"type": "number", "title": "Part in percent", "default": 50, "minimum": 1, "maximum": 99}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000097', 'Trend Reversal Exit', 'exit', 'risk',
        'Closes the position when the price closes on the other side of an average.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 20, "minimum": 1, "maximum": 500},
          "ma_type": {"type": "string", "title": "Average", "default": "EMA", "enum": ["SMA", "EMA", "SMMA", "WMA"]},
          "confirmation_bars": {"type": "integer", "title": "Bars beyond it", "default": 1, "minimum": 1, "maximum": 20}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000098', 'Percent Stop', 'stop_loss', 'risk',
        'Closes the position at a fixed loss in percent of the entry price.',
        '{
          "percent": {"type": "number", "title": "Percent", "default": 2, "minimum": 0.1, "maximum": 100}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000099', 'ATR Stop', 'stop_loss', 'risk',
        'A stop a multiple of the average true range away from the entry price.',
        '{
          "atr_length": {"type": "integer", "title": "ATR length", "default": 14, "minimum": 1, "maximum": 500},
          "multiplier": {"type": "number", "title": "ATR multiplier", "default": 2, "minimum": 0.1, "maximum": 20}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000100', 'Trailing Stop', 'stop_loss', 'risk',
        'A stop that follows the best price at a fixed percentage and never goes back.',
        '{
          "percent": {"type": "number", "title": "Percent", "default": 3, "minimum": 0.1, "maximum": 100},
          "activation_percent": {"type": "number", "title": "Starts after a gain in percent", "default": 0, "minimum": 0, "maximum": 1000}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000101', 'Chandelier Exit', 'stop_loss', 'risk',
        'A stop that hangs a multiple of the average true range below the highest high since a number of bars.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 22, "minimum": 1, "maximum": 500},
          "multiplier": {"type": "number", "title": "ATR multiplier", "default": 3, "minimum": 0.1, "maximum": 20}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000102', 'Swing Stop', 'stop_loss', 'risk',
        'A stop beyond the last swing low, or swing high of a short position.',
        '{
          "length": {"type": "integer", "title": "Bars to look back", "default": 10, "minimum": 1, "maximum": 200},
          "margin_percent": {"type": "number", "title": "Margin in percent", "default": 0.1, "minimum": 0, "maximum": 20}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000103', 'Donchian Stop', 'stop_loss', 'risk',
        'A stop at the other side of a shorter Donchian channel; the turtles left at the ten-day low.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 10, "minimum": 1, "maximum": 500}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000104', 'Supertrend Stop', 'stop_loss', 'risk',
        'The Supertrend line as a stop that trails.',
        '{
          "atr_length": {"type": "integer", "title": "ATR length", "default": 10, "minimum": 1, "maximum": 500},
          "multiplier": {"type": "number", "title": "ATR multiplier", "default": 3, "minimum": 0.1, "maximum": 20}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000105', 'Break Even Stop', 'stop_loss', 'risk',
        'Moves the stop to the entry price once a gain was reached.',
        '{
          "trigger_percent": {"type": "number", "title": "Gain in percent", "default": 2, "minimum": 0.1, "maximum": 100},
          "margin_percent": {"type": "number", "title": "Margin in percent", "default": 0.1, "minimum": 0, "maximum": 20}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000106', 'Time Stop', 'stop_loss', 'risk',
        'Closes a position that has not gained enough after a number of bars.',
        '{
          "bars": {"type": "integer", "title": "Bars", "default": 5, "minimum": 1, "maximum": 10000},
          "minimum_gain_percent": {"type": "number", "title": "Smallest gain in percent", "default": 0, "minimum": 0, "maximum": 100}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000107', 'Volatility Stop', 'stop_loss', 'risk',
        'Wilder''s stop: a multiple of the average true range from the most favourable close, changing sides when it is hit.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 20, "minimum": 1, "maximum": 500},
          "multiplier": {"type": "number", "title": "ATR multiplier", "default": 2, "minimum": 0.1, "maximum": 20}
        }'
      ),
      (
        '1d000000-0000-4000-8000-000000000108', 'Ulcer Index', 'stop_loss', 'risk',
        'The depth and the duration of declines from the last high: the risk that hurts.',
        '{
          "length": {"type": "integer", "title": "Length", "default": 14, "minimum": 2, "maximum": 500},
          "source": {"type": "string", "title": "Source", "default": "close", "enum": ["open", "high", "low", "close", "hl2", "hlc3", "ohlc4"]}
        }'
      )
  ) as l (id, name, type, category, description, properties)
) as library
on conflict (id) do update
  set name = excluded.name,
      type = excluded.type,
      category = excluded.category,
      description = excluded.description,
      parameters = excluded.parameters,
      defaults = excluded.defaults;
